-- The oldest master key that may still wrap in the schema {schema}: SealingSchema.swift puts the names in. A rotation raises it, so
-- that a process which has not read the file of master keys again is refused also where there is no data key to compare with.
create table {schema}.sealing_floor (
  is_only boolean primary key default true check (is_only),
  master_version bigint not null
);
revoke all on {schema}.sealing_floor from public;
insert into {schema}.sealing_floor (master_version) values (0);
grant select, update on {schema}.sealing_floor to {lookup};

-- Made anew, since it belongs to another role than the one that migrates.
drop trigger admit_data_key on {schema}.data_keys;
drop function {schema}.admit_data_key();
create function {schema}.admit_data_key()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
  wrapping bigint := {schema}.sealed_version(new.wrapped_key);
  newest bigint := greatest(
    (select max(d.master_version) from {schema}.data_keys d),
    (select f.master_version from {schema}.sealing_floor f));
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

-- Has nothing be wrapped by a master key before this one from here on. Never lowered.
create function {schema}.raise_sealing_floor(version bigint)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
  update {schema}.sealing_floor f set master_version = version where f.master_version < version;
end
$function$;
revoke all on function {schema}.admit_data_key() from public;
revoke all on function {schema}.raise_sealing_floor(bigint) from public;
grant execute on function {schema}.raise_sealing_floor(bigint) to {service};
-- A function's owner must be allowed to create in its schema; where it was not before, it is not afterwards.
do $owners$
declare
  could_create boolean := has_schema_privilege('{lookup}', '{schema}', 'create');
begin
  grant create on schema {schema} to {lookup};
  alter function {schema}.admit_data_key() owner to {lookup};
  alter function {schema}.raise_sealing_floor(bigint) owner to {lookup};
  if not could_create then
    revoke create on schema {schema} from {lookup};
  end if;
end
$owners$;
