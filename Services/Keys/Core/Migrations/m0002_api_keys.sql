-- API keys. The key itself is never stored: its SHA-256 leads to the row.
create table keys.api_keys (
  account_id uuid not null references keys.accounts,
  environment text not null check (environment in ('test', 'live')),
  id uuid not null,
  name text not null check (char_length(name) between 1 and 255),
  -- The first characters of the key, so that people can tell their keys apart.
  hint text not null,
  -- Null means full access; an empty list would mean none and is refused.
  scopes text[] check (cardinality(scopes) > 0),
  -- The key that created this one; null when the operator did.
  created_by uuid,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null,
  primary key (account_id, environment, id)
);

-- Looked up before the account is known, so its key is the hash alone and it refers to nothing:
-- it can be distributed by hash while all else is distributed by account.
create table keys.api_key_hashes (
  sha256 bytea primary key check (octet_length(sha256) = 32),
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  api_key_id uuid not null
);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['api_keys', 'api_key_hashes'] loop
    execute format('alter table keys.%I enable row level security', table_name);
    execute format('alter table keys.%I force row level security', table_name);
    execute format(
      'create policy tenant on keys.%I to latchkey_keys
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid
           and environment = current_setting(''latchkey.environment'', true))',
      table_name);
    execute format('create policy lookup on keys.%I for select to latchkey_lookup_keys using (true)', table_name);
    execute format('grant select on keys.%I to latchkey_lookup_keys', table_name);
  end loop;
end
$tenancy$;

grant select, insert, update (revoked_at) on keys.api_keys to latchkey_keys;
grant select, insert on keys.api_key_hashes to latchkey_keys;

-- Whom each hash belongs to, for many hashes at once; a hash that no key has gives no row.
-- Revoked and expired keys are returned with their times: the caller decides with one clock.
-- In plpgsql because its plan is kept for the session; a SQL function is planned at every call.
-- That plan may have been made while the tables were small, so its shape is fixed: first the hash, then the API
-- key, each by its primary key.
create function keys.authenticate(hashes bytea[])
returns table (
  sha256 bytea, account_id uuid, environment text, api_key_id uuid, scopes text[],
  expires_at timestamptz, revoked_at timestamptz)
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
    select h.sha256, k.account_id, k.environment, k.id, k.scopes, k.expires_at, k.revoked_at
    from keys.api_key_hashes h
    join keys.api_keys k
      on k.account_id = h.account_id and k.environment = h.environment and k.id = h.api_key_id
    where h.sha256 = any (hashes);
end
$function$;

revoke all on function keys.authenticate(bytea[]) from public;
grant execute on function keys.authenticate(bytea[]) to latchkey_keys;
grant create on schema keys to latchkey_lookup_keys;
alter function keys.authenticate(bytea[]) owner to latchkey_lookup_keys;
revoke create on schema keys from latchkey_lookup_keys;
