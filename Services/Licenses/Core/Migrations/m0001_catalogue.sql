-- Products and policies: what licenses are issued for, and on which terms.
--
-- Every table leads its keys with account_id, so that it can be distributed by account, and all but
-- data_keys have the environment next, so that test and live data never meet. Row-level security compares both with the
-- settings that each transaction makes; a session shows an unset one as '' or null, hence nullif.
create schema if not exists licenses;
grant usage on schema licenses to latchkey_licenses, latchkey_lookup_licenses;

-- The data-encryption keys for an account's license keys, wrapped by a master key that the database
-- never sees. The newest version seals. They are the account's, so there is no environment.
create table licenses.data_keys (
  account_id uuid not null,
  version integer not null check (version > 0),
  wrapped_key bytea not null,
  created_at timestamptz not null,
  primary key (account_id, version)
);

create table licenses.products (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  -- UUIDv7 of the time in created_at: the order of ids is the order of creation.
  id uuid not null,
  name text not null check (char_length(name) between 1 and 255),
  code text not null check (code ~ '^[A-Za-z0-9_-]{1,50}$'),
  description text check (char_length(description) <= 1000),
  key_prefix text not null check (key_prefix ~ '^[A-Z]{2,10}$'),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (account_id, environment, id)
);
create unique index products_code on licenses.products (account_id, environment, code)
  where deleted_at is null;
-- Serves licenses.prefix_owners, which asks for the first and the last account of a prefix.
create index products_key_prefix on licenses.products (key_prefix, account_id)
  where deleted_at is null;

-- How many licenses a product has, in several rows, so that concurrent creations do not queue for
-- the lock on one. The count is their sum.
create table licenses.product_counts (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  product_id uuid not null,
  shard smallint not null check (shard between 0 and 15),
  licenses bigint not null,
  primary key (account_id, environment, product_id, shard),
  foreign key (account_id, environment, product_id) references licenses.products
);

create table licenses.policies (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  id uuid not null,
  product_id uuid not null,
  name text not null check (char_length(name) between 1 and 255),
  template text check (template in ('desktop_app', 'cli_tool', 'saas', 'trial', 'custom')),
  max_machines integer check (max_machines > 0),
  max_uses integer check (max_uses > 0),
  floating boolean not null,
  duration_days integer check (duration_days > 0),
  expiration_strategy text not null
    check (expiration_strategy in ('RESTRICT_ACCESS', 'ALLOW_ACCESS', 'REVOKE')),
  require_heartbeat boolean not null,
  heartbeat_interval_minutes integer not null check (heartbeat_interval_minutes > 0),
  heartbeat_cull_strategy text not null
    check (heartbeat_cull_strategy in ('DEACTIVATE_DEAD', 'KEEP_DEAD')),
  require_fingerprint boolean not null,
  fingerprint_uniqueness text not null
    check (fingerprint_uniqueness in ('PER_LICENSE', 'PER_POLICY', 'PER_ACCOUNT')),
  offline_allowed boolean not null,
  offline_max_days integer not null check (offline_max_days > 0),
  allow_machine_transfer boolean not null,
  is_trial boolean not null,
  trial_duration_days integer check (trial_duration_days > 0),
  overridable boolean not null,
  max_unique_fingerprints integer check (max_unique_fingerprints > 0),
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (account_id, environment, id),
  -- For the foreign key of licenses: a license's policy is a policy of the license's product.
  unique (account_id, environment, id, product_id),
  foreign key (account_id, environment, product_id) references licenses.products
);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['products', 'product_counts', 'policies'] loop
    execute format('alter table licenses.%I enable row level security', table_name);
    execute format('alter table licenses.%I force row level security', table_name);
    execute format(
      'create policy tenant on licenses.%I to latchkey_licenses
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid
           and environment = current_setting(''latchkey.environment'', true))',
      table_name);
    execute format('grant select, insert on licenses.%I to latchkey_licenses', table_name);
  end loop;
  foreach table_name in array array['products', 'policies'] loop
    execute format(
      'create policy lookup on licenses.%I for select to latchkey_lookup_licenses using (true)',
      table_name);
    execute format('grant select on licenses.%I to latchkey_lookup_licenses', table_name);
  end loop;
end
$tenancy$;

alter table licenses.data_keys enable row level security;
alter table licenses.data_keys force row level security;
create policy tenant on licenses.data_keys to latchkey_licenses
  using (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid);
grant select, insert on licenses.data_keys to latchkey_licenses;

grant update (licenses) on licenses.product_counts to latchkey_licenses;

-- Whose key prefix each one is; a prefix that no account or more than one uses gives no row.
-- Two index probes a prefix, however many products share it, also with a plan that was made and kept
-- while there were few.
create function licenses.prefix_owners(prefixes text[])
returns table (key_prefix text, account_id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $function$
begin
  return query
    select wanted.prefix, first_owner.account_id
    from unnest(prefixes) as wanted (prefix)
    cross join lateral (
      select p.account_id from licenses.products p
      where p.key_prefix = wanted.prefix and p.deleted_at is null
      order by p.key_prefix, p.account_id limit 1) first_owner
    cross join lateral (
      select p.account_id from licenses.products p
      where p.key_prefix = wanted.prefix and p.deleted_at is null
      order by p.key_prefix desc, p.account_id desc limit 1) last_owner
    where first_owner.account_id = last_owner.account_id;
end
$function$;

revoke all on function licenses.prefix_owners(text[]) from public;
grant execute on function licenses.prefix_owners(text[]) to latchkey_licenses;
grant create on schema licenses to latchkey_lookup_licenses;
alter function licenses.prefix_owners(text[]) owner to latchkey_lookup_licenses;
revoke create on schema licenses from latchkey_lookup_licenses;
