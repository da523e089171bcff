-- API keys that were reported as leaked: when, and until when such a key goes on, where it is to be replaced.
alter table keys.api_keys
  add column leaked_at timestamptz,
  add column retires_at timestamptz,
  add check (retires_at is null or leaked_at is not null);
grant update (leaked_at, retires_at) on keys.api_keys to latchkey_keys;

-- As before, and with what a leak changes: a function's columns cannot be added to.
drop function keys.authenticate(bytea[]);
create function keys.authenticate(hashes bytea[])
returns table (
  sha256 bytea, account_id uuid, environment text, api_key_id uuid, scopes text[],
  expires_at timestamptz, revoked_at timestamptz, allowed_addresses text[], is_retiring boolean)
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
    select h.sha256, k.account_id, k.environment, k.id, k.scopes,
      least(k.expires_at, k.retires_at), k.revoked_at, k.allowed_addresses,
      k.retires_at is not null
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
