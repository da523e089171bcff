-- License files: what the signing service has yet to be told, and what machines have given up.

-- What has become of licenses, machines and files, until the signing service has taken note of it: written in the
-- transaction of the change, so that a file never counts because a process died in between. `sequence` is that of
-- the license's event, by which the signing service tells the later word from the earlier.
create table licenses.file_notices (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  id uuid not null,
  license_id uuid not null,
  sequence bigint not null check (sequence > 0),
  -- Whether the license is suspended, revoked, banned or deleted; or
  is_barred boolean,
  -- the machine that was deactivated; or
  fingerprint_sha256 bytea check (octet_length(fingerprint_sha256) = 32),
  -- the file that was given up.
  serial bigint check (serial > 0),
  created_at timestamptz not null,
  primary key (account_id, environment, id),
  check (num_nonnulls(is_barred, fingerprint_sha256, serial) = 1)
);
create index file_notices_age on licenses.file_notices (created_at);

-- The files that machines without a network have given up, so that each receipt counts once.
create table licenses.released_files (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  license_id uuid not null,
  serial bigint not null check (serial > 0),
  released_at timestamptz not null,
  primary key (account_id, environment, license_id, serial)
);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['file_notices', 'released_files'] loop
    execute format('alter table licenses.%I enable row level security', table_name);
    execute format('alter table licenses.%I force row level security', table_name);
    execute format(
      'create policy tenant on licenses.%I to latchkey_licenses
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid
           and environment = current_setting(''latchkey.environment'', true))',
      table_name);
    execute format('grant select, insert on licenses.%I to latchkey_licenses', table_name);
  end loop;
end
$tenancy$;
grant delete on licenses.file_notices to latchkey_licenses;
create policy lookup on licenses.file_notices for select to latchkey_lookup_licenses using (true);
grant select on licenses.file_notices to latchkey_lookup_licenses;

-- The oldest notices of all accounts.
create function licenses.pending_file_notices(notices_max integer)
returns table (
  account_id uuid, environment text, id uuid, license_id uuid, sequence bigint, is_barred boolean,
  fingerprint_sha256 bytea, serial bigint, created_at timestamptz)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
begin
  return query
    select n.account_id, n.environment, n.id, n.license_id, n.sequence, n.is_barred,
      n.fingerprint_sha256, n.serial, n.created_at
    from licenses.file_notices n order by n.created_at limit notices_max;
end
$function$;

revoke all on function licenses.pending_file_notices(integer) from public;
grant execute on function licenses.pending_file_notices(integer) to latchkey_licenses;
grant create on schema licenses to latchkey_lookup_licenses;
alter function licenses.pending_file_notices(integer) owner to latchkey_lookup_licenses;
revoke create on schema licenses from latchkey_lookup_licenses;
