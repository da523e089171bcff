-- From where an API key may be used, when it was, and what replaced it.
alter table keys.api_keys
  -- CIDR, in the one notation of each range; none means everywhere.
  add column allowed_addresses text[] not null default '{}'
    check (cardinality(allowed_addresses) <= 50),
  -- The minute of the last use. In no index, so that writing it leaves the indexes alone.
  add column last_used_at timestamptz,
  -- The key that this one is the successor of, and the successor of this one. A key with a successor stops at
  -- the end of the overlap, which is its `expires_at`.
  add column replaces uuid,
  add column replaced_by uuid,
  -- When the audit log was told that the expiry is near; null again when the expiry is moved.
  add column expiry_warned_at timestamptz,
  add check (replaced_by is null or expires_at is not null);

grant update (name, allowed_addresses, expires_at, last_used_at, replaced_by, expiry_warned_at)
  on keys.api_keys to latchkey_keys;

-- Keys whose expiry comes and whom it may surprise; the end of a rotated key is meant.
create index api_keys_unwarned on keys.api_keys (expires_at)
  where expires_at is not null and revoked_at is null and replaced_by is null
    and expiry_warned_at is null;

-- As before, and with the addresses: a function's columns cannot be added to.
drop function keys.authenticate(bytea[]);
create function keys.authenticate(hashes bytea[])
returns table (
  sha256 bytea, account_id uuid, environment text, api_key_id uuid, scopes text[],
  expires_at timestamptz, revoked_at timestamptz, allowed_addresses text[])
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
    select h.sha256, k.account_id, k.environment, k.id, k.scopes, k.expires_at, k.revoked_at,
      k.allowed_addresses
    from keys.api_key_hashes h
    join keys.api_keys k
      on k.account_id = h.account_id and k.environment = h.environment and k.id = h.api_key_id
    where h.sha256 = any (hashes);
end
$function$;

-- The API keys that expire between two moments and that nobody was warned of, across accounts, those first that
-- expire first. Who works on them locks each and looks again.
create function keys.expiring_api_keys(after timestamptz, until timestamptz, keys_max integer)
returns table (account_id uuid, environment text, id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
begin
  return query
    select k.account_id, k.environment, k.id from keys.api_keys k
    where k.expires_at is not null and k.revoked_at is null and k.replaced_by is null
      and k.expiry_warned_at is null and k.expires_at > after and k.expires_at <= until
    order by k.expires_at limit keys_max;
end
$function$;

do $ownership$
declare
  signature text;
begin
  grant create on schema keys to latchkey_lookup_keys;
  foreach signature in array array[
    'keys.authenticate(bytea[])', 'keys.expiring_api_keys(timestamptz, timestamptz, integer)'
  ] loop
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to latchkey_keys', signature);
    execute format('alter function %s owner to latchkey_lookup_keys', signature);
  end loop;
  revoke create on schema keys from latchkey_lookup_keys;
end
$ownership$;
