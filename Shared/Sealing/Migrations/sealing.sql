-- What it takes to look after the data keys of the schema {schema}: SealingSchema.swift puts the names in. The table
-- {schema}.data_keys is there already, with account_id, version, wrapped_key and created_at.

-- Which key has sealed a value or wraps a data key: bytes 2 to 5 of either, big-endian. Null when it is none.
create function {schema}.sealed_version(sealed bytea)
returns bigint
language sql immutable parallel safe
as $function$
  select case when octet_length(sealed) >= 33 then
    (get_byte(sealed, 1)::bigint << 24) + (get_byte(sealed, 2) << 16) + (get_byte(sealed, 3) << 8)
      + get_byte(sealed, 4)
  end
$function$;
revoke all on function {schema}.sealed_version(bytea) from public;
grant execute on function {schema}.sealed_version(bytea) to {service}, {lookup};

alter table {schema}.data_keys
  -- The master key that wraps the data key.
  add column master_version bigint generated always as ({schema}.sealed_version(wrapped_key)) stored,
  -- The master key that has wrapped it first: who has that one and a backup of the time has the data key.
  add column first_master_version bigint,
  -- How often it may have sealed a value: services reserve seals before they make them.
  add column seals_reserved bigint not null default 0 check (seals_reserved >= 0);
create index data_keys_master_version on {schema}.data_keys (master_version);

-- The owner of a table that forces row-level security sees no row of it.
alter table {schema}.data_keys no force row level security;
update {schema}.data_keys set first_master_version = master_version;
alter table {schema}.data_keys force row level security;
alter table {schema}.data_keys alter column first_master_version set not null;

-- All columns: who proves that a master key is not used locks the table against new data keys meanwhile.
grant update on {schema}.data_keys to {service};
create policy sealing on {schema}.data_keys for select to {lookup} using (true);
grant select on {schema}.data_keys to {lookup};

-- Notes the first master key of a data key, and refuses to wrap by an older master key than the newest in use: by a
-- process that has not read the file of master keys again since they were rotated.
create function {schema}.admit_data_key()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
  wrapping bigint := {schema}.sealed_version(new.wrapped_key);
  newest bigint := (select max(d.master_version) from {schema}.data_keys d);
begin
  if wrapping < newest then
    raise exception 'a data key was wrapped by version % of the master keys, but version % is in use',
      wrapping, newest using errcode = 'operator_intervention';
  end if;
  if tg_op = 'INSERT' then
    new.first_master_version := wrapping;
  else
    new.first_master_version := old.first_master_version;
  end if;
  return new;
end
$function$;
create trigger admit_data_key before insert or update of wrapped_key on {schema}.data_keys
  for each row execute function {schema}.admit_data_key();

-- Which master keys wrap data keys, how many each, and the latest of them, to try the master key on.
create function {schema}.master_key_uses(samples_max integer)
returns table (
  master_version bigint, data_keys bigint, account_id uuid, version integer, wrapped_key bytea)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
  return query
    select u.master_version, u.data_keys, s.account_id, s.version, s.wrapped_key
    from (
      select coalesce(d.master_version, 0) as master_version, count(*) as data_keys
      from {schema}.data_keys d group by 1) u
    cross join lateral (
      select d.account_id, d.version, d.wrapped_key from {schema}.data_keys d
      where coalesce(d.master_version, 0) = u.master_version
      order by d.created_at desc limit samples_max) s
    order by u.master_version, s.account_id, s.version;
end
$function$;

-- The accounts that have data keys from one on, in order: whose secrets are sealed anew, one after the other.
create function {schema}.sealing_accounts(first uuid, accounts_max integer)
returns table (account_id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
  return query
    select distinct d.account_id from {schema}.data_keys d
    where d.account_id >= first order by d.account_id limit accounts_max;
end
$function$;

revoke all on function {schema}.admit_data_key() from public;
revoke all on function {schema}.master_key_uses(integer) from public;
revoke all on function {schema}.sealing_accounts(uuid, integer) from public;
grant execute on function {schema}.master_key_uses(integer) to {service};
grant execute on function {schema}.sealing_accounts(uuid, integer) to {service};
grant create on schema {schema} to {lookup};
alter function {schema}.admit_data_key() owner to {lookup};
alter function {schema}.master_key_uses(integer) owner to {lookup};
alter function {schema}.sealing_accounts(uuid, integer) owner to {lookup};
revoke create on schema {schema} from {lookup};
