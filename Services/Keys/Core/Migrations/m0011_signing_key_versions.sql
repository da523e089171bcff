-- A response-signing key is opened by the data key that has sealed it, which is not always the newest, and is sealed
-- anew when keys are rotated.
drop function keys.response_signing_key(uuid);
create function keys.response_signing_key(wanted uuid)
returns table (
  account_id uuid, id uuid, sealed_secret bytea, data_key_version integer, wrapped_key bytea)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
  if wanted is null then
    -- Two rows are enough to know that it is not the only one.
    select (array_agg(a.account_id))[1] into wanted
    from (select accounts.account_id from keys.accounts limit 2) a
    having count(*) = 1;
  end if;
  return query
    select s.account_id, s.id, s.sealed_secret, d.version, d.wrapped_key
    from keys.response_signing_keys s
    join keys.data_keys d
      on d.account_id = s.account_id and d.version = keys.sealed_version(s.sealed_secret)
    where s.account_id = wanted;
end
$function$;

revoke all on function keys.response_signing_key(uuid) from public;
grant execute on function keys.response_signing_key(uuid) to latchkey_keys;
grant create on schema keys to latchkey_lookup_keys;
alter function keys.response_signing_key(uuid) owner to latchkey_lookup_keys;
revoke create on schema keys from latchkey_lookup_keys;

grant update (sealed_secret) on keys.response_signing_keys to latchkey_keys;
