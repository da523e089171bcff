-- What the licensing endpoints need beyond the tables.

-- Of an imported license that is known by its key's hash only, there is no secret to derive from: whoever checks
-- an offline file out brings the key.
alter table licenses.licenses alter column sealed_file_secret drop not null;

-- A key is free again once its license is deleted, so that an import that went wrong can be repeated.
grant delete on licenses.license_key_hashes to latchkey_licenses;
create index license_key_hashes_license on licenses.license_key_hashes
  (account_id, environment, license_id);

-- Dead machines that were kept, for the count in the analytics.
create index machines_dead on licenses.machines (account_id, environment)
  where deleted_at is null and died_at is not null;

-- The licenses whose expiry has passed and has not been written yet, across accounts, those that wait longest
-- first. Who works on them locks each and looks again.
create function licenses.due_licenses(moment timestamptz, licenses_max integer)
returns table (account_id uuid, environment text, id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
begin
  return query
    select l.account_id, l.environment, l.id from licenses.licenses l
    where l.status = 'active' and l.deleted_at is null and l.expires_at is not null
      and l.expires_at <= moment
    order by l.expires_at limit licenses_max;
end
$function$;

revoke all on function licenses.due_licenses(timestamptz, integer) from public;
grant execute on function licenses.due_licenses(timestamptz, integer) to latchkey_licenses;
grant create on schema licenses to latchkey_lookup_licenses;
alter function licenses.due_licenses(timestamptz, integer) owner to latchkey_lookup_licenses;
revoke create on schema licenses from latchkey_lookup_licenses;
