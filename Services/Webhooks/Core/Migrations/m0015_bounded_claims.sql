-- A claim goes past so many webhooks at most, and leaves out those that are disabled.
create index endpoints_enabled on webhooks.endpoints (id)
  where disabled_at is null and deleted_at is null;

-- As before, but it goes past 1,000 webhooks at most and returns where it stopped. It begins behind an endpoint, turns
-- at the end to the first, and is over when it comes past the endpoint at which the turn began.
--
-- The last row says how far it came: all of it is null, but for `endpoint_id` where the turn is not over: the next call
-- goes on behind it.
drop function webhooks.claim_deliveries(
  integer, timestamptz, timestamptz, uuid, uuid[], integer, integer);
create function webhooks.claim_deliveries(
  worker integer, moment timestamptz, lease_ends timestamptz, behind uuid, turn_began uuid,
  excluded uuid[], each_max integer, total_max integer)
returns table (
  account_id uuid, environment text, endpoint_id uuid, endpoint_version integer, id uuid,
  event_id uuid, event_type text, license_id uuid, line_position bigint, attempt_count integer,
  body bytea)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
  first constant uuid := '00000000-0000-0000-0000-000000000000';
  head uuid;
  hook record;
  last uuid := behind;
  has_turned boolean := behind < turn_began;
  is_over boolean := false;
  taken integer;
  left_over integer := total_max;
begin
  for step in 1..1000 loop
    exit when left_over <= 0;
    -- The next that has something to be made, and from there on the next that is enabled: of many in a row that are
    -- disabled none is looked at.
    select d.endpoint_id into head
    from webhooks.pending_deliveries d
    where d.endpoint_id > last and d.due_at is not null and d.claimed_by is null
    order by d.endpoint_id limit 1;
    select e.account_id, e.environment, e.id, e.version, e.max_per_second into hook
    from webhooks.endpoints e
    where e.id >= head and e.disabled_at is null and e.deleted_at is null
    order by e.id limit 1;
    if not found or (has_turned and hook.id > turn_began) then
      is_over := has_turned or turn_began = first;
      exit when is_over;
      has_turned := true;
      last := first;
      continue;
    end if;
    last := hook.id;
    if not last = any (excluded) then
      return query
        with due as materialized (
          select d.account_id, d.environment, d.endpoint_id, d.id
          from webhooks.pending_deliveries d
          where d.endpoint_id = last and d.due_at <= moment and d.claimed_by is null
          -- Of a webhook with a rate no more than are made before the lease ends.
          order by d.due_at limit least(each_max, left_over, hook.max_per_second * 20)
          for update skip locked
        ), claimed as (
          update webhooks.pending_deliveries d set claimed_by = worker, due_at = lease_ends
          from due
          where d.account_id = due.account_id and d.environment = due.environment
            and d.endpoint_id = due.endpoint_id and d.id = due.id
          returning d.*
        )
        select c.account_id, c.environment, c.endpoint_id, hook.version, c.id, c.event_id,
          c.event_type, c.license_id, c.line_position, c.attempt_count,
          (select v.body from webhooks.events v
            where v.account_id = c.account_id and v.environment = c.environment
              and v.id = c.event_id)
        from claimed c;
      get diagnostics taken = row_count;
      left_over := left_over - taken;
    end if;
    is_over := has_turned and last = turn_began;
    exit when is_over;
  end loop;
  account_id := null;
  environment := null;
  endpoint_id := case when not is_over then last end;
  endpoint_version := null;
  id := null;
  event_id := null;
  event_type := null;
  license_id := null;
  line_position := null;
  attempt_count := null;
  body := null;
  return next;
end
$function$;

-- Gives back what a worker has claimed until the end of a lease, for when it does not know whether it has: the answer to
-- a claim, or to a commit, was lost. Says how many there were.
create function webhooks.release_claims(worker integer, lease_ends timestamptz, moment timestamptz)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
declare
  released integer;
begin
  update webhooks.pending_deliveries d set claimed_by = null, due_at = moment
  where d.claimed_by = worker and d.due_at = lease_ends;
  get diagnostics released = row_count;
  return released;
end
$function$;

-- When a delivery was put back into the queue by request; null for others. What waits for too long is given up, and such
-- a one only a day later.
alter table webhooks.pending_deliveries add column requeued_at timestamptz;

-- As before, but without what is being made, and what was put back at a moment or later.
drop function webhooks.overdue_deliveries(timestamptz, integer);
create function webhooks.overdue_deliveries(
  moment timestamptz, requeued_before timestamptz, deliveries_max integer)
returns table (
  account_id uuid, environment text, endpoint_id uuid, id uuid, event_id uuid, event_type text,
  license_id uuid, line_position bigint, attempt_count integer)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
declare
  last record;
  highest uuid := webhooks.lowest_id(moment);
  found_now integer;
  left_over integer := deliveries_max;
begin
  select '00000000-0000-0000-0000-000000000000'::uuid as account_id, ''::text as environment,
    '00000000-0000-0000-0000-000000000000'::uuid as endpoint_id into last;
  while left_over > 0 loop
    select d.account_id, d.environment, d.endpoint_id into last
    from webhooks.pending_deliveries d
    where (d.account_id, d.environment, d.endpoint_id)
      > (last.account_id, last.environment, last.endpoint_id)
    order by d.account_id, d.environment, d.endpoint_id limit 1;
    exit when not found;
    return query
      select d.account_id, d.environment, d.endpoint_id, d.id, d.event_id, d.event_type,
        d.license_id, d.line_position, d.attempt_count
      from webhooks.pending_deliveries d
      where d.account_id = last.account_id and d.environment = last.environment
        and d.endpoint_id = last.endpoint_id and d.id < highest
        and d.claimed_by is null
        and (d.requeued_at is null or d.requeued_at < requeued_before)
      order by d.account_id, d.environment, d.endpoint_id, d.id limit left_over;
    get diagnostics found_now = row_count;
    left_over := left_over - found_now;
  end loop;
end
$function$;

do $ownership$
declare
  name text;
begin
  foreach name in array array[
    'webhooks.claim_deliveries(integer, timestamptz, timestamptz, uuid, uuid, uuid[], integer, integer)',
    'webhooks.release_claims(integer, timestamptz, timestamptz)',
    'webhooks.overdue_deliveries(timestamptz, timestamptz, integer)'
  ] loop
    execute format('revoke all on function %s from public', name);
    execute format('grant execute on function %s to latchkey_webhooks', name);
    execute format('alter function %s owner to latchkey_lookup_webhooks', name);
  end loop;
end
$ownership$;
