-- Accounts, and the secrets each account has exactly one of.
--
-- An account is above the environments, so these tables have no `environment`; all others have one.
-- Row-level security compares with the setting `latchkey.account_id` that each transaction sets.
-- Once it was set, a session shows it as '' outside of a transaction, never as null, hence nullif.
create schema if not exists keys;
grant usage on schema keys to latchkey_keys, latchkey_lookup_keys;

create table keys.accounts (
  account_id uuid primary key,
  name text not null check (char_length(name) between 1 and 255),
  created_at timestamptz not null
);

-- The account's data-encryption key, wrapped by a master key that the database never sees.
create table keys.data_keys (
  account_id uuid not null references keys.accounts,
  version integer not null check (version > 0),
  wrapped_key bytea not null,
  created_at timestamptz not null,
  primary key (account_id, version)
);

-- What validation answers are signed with. One an account; the secret is sealed.
create table keys.response_signing_keys (
  account_id uuid not null references keys.accounts,
  id uuid not null,
  sealed_secret bytea not null,
  created_at timestamptz not null,
  primary key (account_id, id)
);
create unique index response_signing_keys_one on keys.response_signing_keys (account_id);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['accounts', 'data_keys', 'response_signing_keys'] loop
    execute format('alter table keys.%I enable row level security', table_name);
    execute format('alter table keys.%I force row level security', table_name);
    execute format(
      'create policy tenant on keys.%I to latchkey_keys
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid)',
      table_name);
    execute format('create policy lookup on keys.%I for select to latchkey_lookup_keys using (true)', table_name);
    execute format('grant select on keys.%I to latchkey_lookup_keys', table_name);
    execute format('grant select, insert on keys.%I to latchkey_keys', table_name);
  end loop;
end
$tenancy$;

-- The response-signing key of one account, or, without an account, of the deployment's only one.
-- No row when there is no such account, or when none was named and there are several.
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
    join keys.data_keys d on d.account_id = s.account_id
    where s.account_id = wanted
    order by d.version desc
    limit 1;
end
$function$;

revoke all on function keys.response_signing_key(uuid) from public;
grant execute on function keys.response_signing_key(uuid) to latchkey_keys;
grant create on schema keys to latchkey_lookup_keys;
alter function keys.response_signing_key(uuid) owner to latchkey_lookup_keys;
revoke create on schema keys from latchkey_lookup_keys;
