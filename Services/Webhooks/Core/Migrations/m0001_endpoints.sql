-- Webhook endpoints: where an account's events are sent to.
create schema if not exists webhooks;
grant usage on schema webhooks to latchkey_webhooks, latchkey_lookup_webhooks;

-- The data-encryption keys for endpoints' secrets, wrapped by a master key that the database never sees. The newest
-- version seals. They are the account's, so there is no environment.
create table webhooks.data_keys (
  account_id uuid not null,
  version integer not null check (version > 0),
  wrapped_key bytea not null,
  created_at timestamptz not null,
  primary key (account_id, version)
);

create table webhooks.endpoints (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  -- UUIDv7 of the time in created_at: the order of ids is the order of creation.
  id uuid not null,
  url text not null check (char_length(url) between 1 and 2048),
  description text check (char_length(description) <= 1000),
  -- Public names of events; `*` stands for all.
  event_types text[] not null check (cardinality(event_types) between 1 and 32),
  -- Events of licenses of these products only; of all when empty.
  product_ids uuid[] not null default '{}' check (cardinality(product_ids) <= 100),
  -- Events of licenses only whose metadata contains all of this.
  license_metadata jsonb not null default '{}' check (jsonb_typeof(license_metadata) = 'object'),
  api_version text not null check (api_version in ('v1')),
  ordering text not null check (ordering in ('parallel', 'ordered')),
  signature_scheme text not null check (signature_scheme in ('timestamped', 'legacy')),
  ca_bundle text check (char_length(ca_bundle) <= 65536),
  max_concurrency integer not null check (max_concurrency > 0),
  max_per_second integer check (max_per_second > 0),
  sealed_secret bytea not null,
  -- The secret before the last rotation, which signs too until its time is over.
  sealed_previous_secret bytea,
  previous_secret_expires_at timestamptz,
  -- Nothing is sent while this is set.
  disabled_at timestamptz,
  disabled_reason text check (disabled_reason in ('manual', 'failing', 'gone')),
  -- Since when every attempt has failed, and how many.
  failing_since timestamptz,
  failure_count integer not null default 0 check (failure_count >= 0),
  -- Raised with every change of what sending depends on, so that a copy in memory is known to be old.
  version integer not null default 1 check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (account_id, environment, id),
  check ((disabled_at is null) = (disabled_reason is null)),
  check ((sealed_previous_secret is null) = (previous_secret_expires_at is null))
);

alter table webhooks.data_keys enable row level security;
alter table webhooks.data_keys force row level security;
create policy tenant on webhooks.data_keys to latchkey_webhooks
  using (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid);
grant select, insert on webhooks.data_keys to latchkey_webhooks;

alter table webhooks.endpoints enable row level security;
alter table webhooks.endpoints force row level security;
create policy tenant on webhooks.endpoints to latchkey_webhooks
  using (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid
    and environment = current_setting('latchkey.environment', true));
create policy lookup on webhooks.endpoints for select to latchkey_lookup_webhooks using (true);
grant select, insert, update on webhooks.endpoints to latchkey_webhooks;
grant select on webhooks.endpoints to latchkey_lookup_webhooks;
