-- Licenses, and the table that leads from a license key's hash to its license.
create table licenses.licenses (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  -- UUIDv7 of the time in created_at: the order of ids is the order of creation.
  id uuid not null,
  product_id uuid not null,
  policy_id uuid not null,
  name text check (char_length(name) <= 255),
  -- The state as last written. A license whose expiry has passed since is read as expired (or
  -- revoked, by its policy's strategy) whether or not that has been written yet.
  status text not null check (status in ('active', 'suspended', 'expired', 'revoked', 'banned')),
  expires_at timestamptz,
  max_machines_override integer check (max_machines_override > 0),
  max_uses_override integer check (max_uses_override > 0),
  uses_count bigint not null default 0 check (uses_count >= 0),
  machine_count integer not null default 0 check (machine_count >= 0),
  user_email text check (char_length(user_email) <= 254),
  user_name text check (char_length(user_name) <= 255),
  suspended_at timestamptz,
  revoked_at timestamptz,
  banned_at timestamptz,
  metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
  -- The raw key, and what the payload key of offline files is derived from; both sealed.
  sealed_key bytea,
  sealed_file_secret bytea not null,
  -- The number of the license's latest event.
  event_sequence bigint not null check (event_sequence > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  primary key (account_id, environment, id),
  foreign key (account_id, environment, product_id) references licenses.products,
  foreign key (account_id, environment, policy_id, product_id)
    references licenses.policies (account_id, environment, id, product_id)
);

-- Looked up before the account is known, so its key is the hash alone and it refers to nothing:
-- it can be distributed by hash while all else is distributed by account.
create table licenses.license_key_hashes (
  sha256 bytea primary key check (octet_length(sha256) = 32),
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  license_id uuid not null
);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['licenses', 'license_key_hashes'] loop
    execute format('alter table licenses.%I enable row level security', table_name);
    execute format('alter table licenses.%I force row level security', table_name);
    execute format(
      'create policy tenant on licenses.%I to latchkey_licenses
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid
           and environment = current_setting(''latchkey.environment'', true))',
      table_name);
    execute format('grant select, insert on licenses.%I to latchkey_licenses', table_name);
    execute format(
      'create policy lookup on licenses.%I for select to latchkey_lookup_licenses using (true)',
      table_name);
    execute format('grant select on licenses.%I to latchkey_lookup_licenses', table_name);
  end loop;
end
$tenancy$;

-- What a validation needs to know of each license, for many key hashes at once; a hash that no
-- license has, or only a deleted one, gives no row. The verdict is the service's (Verdict.swift).
-- In plpgsql because its plan is kept for the session; a SQL function is planned at every call.
-- That plan may have been made while the tables were small, so its shape is fixed: from the hash to the
-- license to the policy, each by its key.
create function licenses.find_by_key_hash(hashes bytea[])
returns table (
  sha256 bytea, account_id uuid, environment text, id uuid, status text, name text,
  expires_at timestamptz, expiration_strategy text, max_machines_override integer,
  max_uses_override integer, uses_count bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
begin
  return query
    select h.sha256, l.account_id, l.environment, l.id, l.status, l.name,
      l.expires_at, p.expiration_strategy, l.max_machines_override,
      l.max_uses_override, l.uses_count
    from licenses.license_key_hashes h
    join licenses.licenses l
      on l.account_id = h.account_id and l.environment = h.environment and l.id = h.license_id
    join licenses.policies p
      on p.account_id = l.account_id and p.environment = l.environment and p.id = l.policy_id
    where h.sha256 = any (hashes) and l.deleted_at is null;
end
$function$;

revoke all on function licenses.find_by_key_hash(bytea[]) from public;
grant execute on function licenses.find_by_key_hash(bytea[]) to latchkey_licenses;
grant create on schema licenses to latchkey_lookup_licenses;
alter function licenses.find_by_key_hash(bytea[]) owner to latchkey_lookup_licenses;
revoke create on schema licenses from latchkey_lookup_licenses;
