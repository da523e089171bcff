-- The rest of the domain: entitlements, customers, machines, and what lists are filtered by.

-- Features that policies and licenses carry. Who carries which is a list of ids in their own row: there are at
-- most a hundred, they are read with the row by every validation, and entitlements are never removed from
-- their table, so that an id always leads to one.
create table licenses.entitlements (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  id uuid not null,
  code text not null check (code ~ '^[a-z0-9_-]{1,100}$'),
  name text not null check (char_length(name) between 1 and 255),
  description text check (char_length(description) <= 1000),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (account_id, environment, id)
);
create unique index entitlements_code on licenses.entitlements (account_id, environment, code)
  where deleted_at is null;

alter table licenses.policies
  add column entitlement_ids uuid[] not null default '{}' check (cardinality(entitlement_ids) <= 100);
alter table licenses.licenses
  add column entitlement_ids uuid[] not null default '{}' check (cardinality(entitlement_ids) <= 100),
  -- The first valid validation.
  add column activated_at timestamptz,
  -- What lists are filtered by: lower() is not leakproof, so no index on an expression with it is used under
  -- row-level security.
  add column user_email_folded text generated always as (lower(user_email)) stored;

-- Holders of licenses. Licenses keep the address and name as they were given; this is what else is known.
create table licenses.customers (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  id uuid not null,
  email text not null check (char_length(email) <= 254),
  -- Upper and lower case are the same address.
  email_folded text not null generated always as (lower(email)) stored,
  name text check (char_length(name) <= 255),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (account_id, environment, id)
);
create unique index customers_email on licenses.customers (account_id, environment, email_folded)
  where deleted_at is null;

-- Activations. A machine that is gone keeps its row, so that the past can be counted.
create table licenses.machines (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  -- UUIDv7 of the time in created_at: the order of ids is the order of creation.
  id uuid not null,
  license_id uuid not null,
  -- The license's policy, so that the machines that some policy's heartbeats concern are found by index.
  policy_id uuid not null,
  fingerprint text not null check (char_length(fingerprint) between 8 and 256),
  -- Within what the fingerprint is unique: the id of the license, of the policy, or of the account, by
  -- what the policy said when the machine was activated.
  unique_within uuid not null,
  name text check (char_length(name) <= 255),
  platform text check (platform in ('macos', 'windows', 'linux', 'docker', 'kubernetes')),
  hostname text check (char_length(hostname) <= 255),
  ip_address text,
  cores integer check (cores > 0),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  last_heartbeat_at timestamptz,
  -- The last heartbeat or renewal, before the first one the activation: what the interval is counted from.
  last_seen_at timestamptz not null,
  -- Set once the machine is known to be dead and was kept; a heartbeat clears it.
  died_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (account_id, environment, id),
  foreign key (account_id, environment, license_id) references licenses.licenses
);
create unique index machines_license on licenses.machines
  (account_id, environment, license_id, fingerprint) where deleted_at is null;
-- Of machines that are unique within more than their license.
create unique index machines_unique on licenses.machines
  (account_id, environment, unique_within, fingerprint)
  where deleted_at is null and unique_within <> license_id;
create index machines_fingerprint on licenses.machines (account_id, environment, fingerprint, id)
  where deleted_at is null;
create index machines_of_license on licenses.machines (account_id, environment, license_id, id)
  where deleted_at is null;
create index machines_by_heartbeat on licenses.machines
  (account_id, environment, policy_id, last_seen_at) where deleted_at is null and died_at is null;

-- Every fingerprint that a license has ever had, for maxUniqueFingerprints; only hashes, since nothing else
-- is asked.
create table licenses.license_fingerprints (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  license_id uuid not null,
  sha256 bytea not null check (octet_length(sha256) = 32),
  primary key (account_id, environment, license_id, sha256)
);

-- What licenses can be found by in their metadata: the members that are texts, numbers, true or false, as
-- text. A table of its own, since operators on jsonb are not leakproof and so use no index under row-level
-- security.
create table licenses.license_metadata (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  name text not null check (char_length(name) between 1 and 100),
  value text not null check (char_length(value) <= 255),
  license_id uuid not null,
  primary key (account_id, environment, name, value, license_id)
);
create index license_metadata_license on licenses.license_metadata
  (account_id, environment, license_id);

-- Validations by day, added to once a second by each process.
create table licenses.validation_counts (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  day date not null,
  successful bigint not null check (successful >= 0),
  failed bigint not null check (failed >= 0),
  primary key (account_id, environment, day)
);

-- What lists are filtered by; each ends with the id, in whose order lists are read.
create index licenses_product on licenses.licenses (account_id, environment, product_id, id)
  where deleted_at is null;
create index licenses_policy on licenses.licenses (account_id, environment, policy_id, id)
  where deleted_at is null;
create index licenses_user_email on licenses.licenses
  (account_id, environment, user_email_folded, id)
  where deleted_at is null and user_email_folded is not null;
create index licenses_status on licenses.licenses (account_id, environment, status, id)
  where deleted_at is null;
create index policies_product on licenses.policies (account_id, environment, product_id, id)
  where deleted_at is null;
-- What the sweeper looks for: active licenses by their expiry, in all accounts.
create index licenses_due on licenses.licenses (expires_at)
  where status = 'active' and deleted_at is null and expires_at is not null;

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['entitlements', 'customers', 'machines', 'license_fingerprints',
    'license_metadata', 'validation_counts']
  loop
    execute format('alter table licenses.%I enable row level security', table_name);
    execute format('alter table licenses.%I force row level security', table_name);
    execute format(
      'create policy tenant on licenses.%I to latchkey_licenses
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid
           and environment = current_setting(''latchkey.environment'', true))',
      table_name);
    execute format('grant select, insert on licenses.%I to latchkey_licenses', table_name);
  end loop;
  foreach table_name in array array['entitlements', 'machines'] loop
    execute format(
      'create policy lookup on licenses.%I for select to latchkey_lookup_licenses using (true)',
      table_name);
    execute format('grant select on licenses.%I to latchkey_lookup_licenses', table_name);
  end loop;
  -- Rows that change. Ids, tenants and the times of creation never do, nor does a license's product.
  foreach table_name in array array['products', 'policies', 'licenses', 'entitlements', 'customers',
    'machines', 'validation_counts']
  loop
    execute format('grant update on licenses.%I to latchkey_licenses', table_name);
  end loop;
end
$tenancy$;
grant delete on licenses.license_metadata to latchkey_licenses;
