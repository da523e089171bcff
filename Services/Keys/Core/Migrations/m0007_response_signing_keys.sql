-- The response-signing key can be exchanged: a next one signs beside the active one until it takes its place.
alter table keys.response_signing_keys
  add column state text not null default 'active' check (state in ('active', 'next', 'retired')),
  add column activated_at timestamptz,
  add column retired_at timestamptz,
  alter column sealed_secret drop not null,
  -- A retired key signs nothing any more, so its secret is forgotten.
  add check ((state = 'retired') = (sealed_secret is null));

-- The owner of a table that forces row-level security sees no row of it.
alter table keys.response_signing_keys no force row level security;
update keys.response_signing_keys set activated_at = created_at;
alter table keys.response_signing_keys force row level security;

drop index keys.response_signing_keys_one;
create unique index response_signing_keys_state on keys.response_signing_keys (account_id, state);

grant update (state, activated_at, retired_at, sealed_secret), delete on keys.response_signing_keys
  to latchkey_keys;

-- As before, and with the next key: a function's columns cannot be added to. A sealed secret names the version of
-- the data key that sealed it in its bytes 2 to 5.
drop function if exists keys.response_signing_key(uuid);
create function keys.response_signing_key(wanted uuid)
returns table (
  account_id uuid, id uuid, sealed_secret bytea, data_key_version integer, wrapped_key bytea,
  next_id uuid, next_sealed_secret bytea, next_data_key_version integer, next_wrapped_key bytea)
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
    select s.account_id, s.id, s.sealed_secret, d.version, d.wrapped_key,
      n.id, n.sealed_secret, e.version, e.wrapped_key
    from keys.response_signing_keys s
    join keys.data_keys d on d.account_id = s.account_id
      and int4send(d.version) = substring(s.sealed_secret from 2 for 4)
    left join (
      keys.response_signing_keys n
      join keys.data_keys e on e.account_id = n.account_id
        and int4send(e.version) = substring(n.sealed_secret from 2 for 4))
      on n.account_id = s.account_id and n.state = 'next'
    where s.account_id = wanted and s.state = 'active';
end
$function$;

revoke all on function keys.response_signing_key(uuid) from public;
grant execute on function keys.response_signing_key(uuid) to latchkey_keys;
grant create on schema keys to latchkey_lookup_keys;
alter function keys.response_signing_key(uuid) owner to latchkey_lookup_keys;
revoke create on schema keys from latchkey_lookup_keys;
