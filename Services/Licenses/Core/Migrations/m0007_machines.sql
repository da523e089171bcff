-- What machines and validations are looked up by, across accounts.

-- Of the few policies that want to hear from their machines: where the search for dead ones begins.
create index policies_leases on licenses.policies (account_id, environment, id)
  where floating or require_heartbeat;

drop function licenses.find_by_key_hash(bytea[]);

-- What a validation needs to know of each license, for many questions at once: a question is a key hash and, where
-- a machine asks, its fingerprint. `question` counts them from 1; one whose hash no license has, or only a deleted
-- one, gives no row. The verdict is the service's (Judgement.swift). Nothing is looked up for a license without
-- entitlements (null) or a question without a fingerprint.
-- In plpgsql because its plan is kept for the session; a SQL function is planned at every call.
-- That plan may have been made while the tables were small, so its shape is fixed: from the hash to the
-- license to the policy to the machine, each by its key. While tables are small, a part of a key looks as good as the whole,
-- and would read every machine of a license, or every entitlement of an account, for as long as the session lasts.
-- So both are asked for as the first from a place on, in an order that one index alone has: a machine by license and
-- fingerprint, since by fingerprint alone another index would do, which goes through the machines of other licenses.
create function licenses.find_for_validation(hashes bytea[], fingerprints text[])
returns table (
  question bigint, account_id uuid, environment text, id uuid, product_id uuid, status text, name text,
  expires_at timestamptz, is_activated boolean, max_machines_override integer,
  max_uses_override integer, uses_count bigint, machine_count integer, max_machines integer,
  max_uses integer, expiration_strategy text, require_fingerprint boolean,
  require_heartbeat boolean, floating boolean, heartbeat_interval_minutes integer,
  entitlements text[], machine_id uuid, machine_name text, last_heartbeat_at timestamptz,
  last_seen_at timestamptz)
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
    select asked.question, l.account_id, l.environment, l.id, l.product_id, l.status, l.name,
      l.expires_at, l.activated_at is not null, l.max_machines_override,
      l.max_uses_override, l.uses_count, l.machine_count, p.max_machines,
      p.max_uses, p.expiration_strategy, p.require_fingerprint,
      p.require_heartbeat, p.floating, p.heartbeat_interval_minutes,
      case when cardinality(l.entitlement_ids) > 0 or cardinality(p.entitlement_ids) > 0 then (
        select array_agg(distinct e.code order by e.code)
        from unnest(l.entitlement_ids || p.entitlement_ids) as carried (id)
        cross join lateral (
          select e.id, e.code collate "C" as code, e.deleted_at from licenses.entitlements e
          where e.account_id = l.account_id and e.environment = l.environment
            and e.id >= carried.id
          order by e.id limit 1) e
        where e.id = carried.id and e.deleted_at is null)
      end,
      m.id, m.name, m.last_heartbeat_at, m.last_seen_at
    from unnest(hashes, fingerprints) with ordinality as asked (sha256, fingerprint, question)
    join licenses.license_key_hashes h on h.sha256 = asked.sha256
    join licenses.licenses l
      on l.account_id = h.account_id and l.environment = h.environment and l.id = h.license_id
    join licenses.policies p
      on p.account_id = l.account_id and p.environment = l.environment and p.id = l.policy_id
    left join lateral (
      select m.id, m.name, m.last_heartbeat_at, m.last_seen_at, m.license_id, m.fingerprint
      from licenses.machines m
      where asked.fingerprint is not null
        and m.account_id = l.account_id and m.environment = l.environment
        and (m.license_id, m.fingerprint) >= (l.id, asked.fingerprint) and m.deleted_at is null
      order by m.license_id, m.fingerprint limit 1) m
      on m.license_id = l.id and m.fingerprint = asked.fingerprint
    where l.deleted_at is null;
end
$function$;

-- The licenses of machines that have not been heard of for longer than their policy allows, and that nothing has been
-- done about yet; a license is named once for each. Whoever asks looks again under the license's lock, so any number
-- may ask at a time.
create function licenses.dead_machines(moment timestamptz, machines_max integer)
returns table (account_id uuid, environment text, license_id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set join_collapse_limit = 1
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
begin
  return query
    select m.account_id, m.environment, m.license_id
    from licenses.policies p
    cross join lateral (
      select m.account_id, m.environment, m.license_id from licenses.machines m
      where m.account_id = p.account_id and m.environment = p.environment and m.policy_id = p.id
        and m.last_seen_at < moment - make_interval(mins => p.heartbeat_interval_minutes)
        and m.deleted_at is null and m.died_at is null
      order by m.last_seen_at limit machines_max) m
    where p.floating or p.require_heartbeat
    limit machines_max;
end
$function$;

revoke all on function licenses.find_for_validation(bytea[], text[]) from public;
revoke all on function licenses.dead_machines(timestamptz, integer) from public;
grant execute on function licenses.find_for_validation(bytea[], text[]) to latchkey_licenses;
grant execute on function licenses.dead_machines(timestamptz, integer) to latchkey_licenses;
grant create on schema licenses to latchkey_lookup_licenses;
alter function licenses.find_for_validation(bytea[], text[]) owner to latchkey_lookup_licenses;
alter function licenses.dead_machines(timestamptz, integer) owner to latchkey_lookup_licenses;
revoke create on schema licenses from latchkey_lookup_licenses;
