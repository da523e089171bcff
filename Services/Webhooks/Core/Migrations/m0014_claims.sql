-- Who has claimed a delivery, so that the claims of a process that died are taken back at once; and deliveries that wait
-- for too long are given up in the log instead of vanishing.
alter table webhooks.pending_deliveries
  -- The worker that makes it; `due_at` is the end of its lease then. Null when anybody may claim it.
  add column claimed_by integer,
  add constraint pending_deliveries_claim check (claimed_by is null or due_at is not null);

-- A delivery is in one of the three: due now or later, claimed, or in line.
drop index webhooks.pending_deliveries_due;
create index pending_deliveries_due on webhooks.pending_deliveries (endpoint_id, due_at)
  where due_at is not null and claimed_by is null;
create index pending_deliveries_claimed on webhooks.pending_deliveries (claimed_by, due_at)
  where claimed_by is not null;

-- Queues are rewritten all day: their dead rows are removed before there are many, whatever their size.
alter table webhooks.pending_deliveries set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_analyze_scale_factor = 0.1);

-- Makes the session a worker, which lives as long as the session does: false when another has the number.
create function webhooks.become_worker(worker integer)
returns boolean
language sql volatile
set search_path = pg_catalog, pg_temp
as $function$
  -- The first number is 'lkwd' in ASCII and stands for workers.
  select pg_try_advisory_lock(1818982244, worker)
$function$;

-- Lets others make what dead workers had claimed, and what living ones have claimed for too long; says how many.
create function webhooks.take_back(moment timestamptz)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
  worker integer := -1;
  latest timestamptz;
  taken integer;
  total integer := 0;
begin
  loop
    select d.claimed_by into worker from webhooks.pending_deliveries d
    where d.claimed_by > worker order by d.claimed_by limit 1;
    exit when not found;
    -- Whoever gets the lock of a worker knows that its session is over.
    latest := case when pg_try_advisory_xact_lock_shared(1818982244, worker)
      then 'infinity' else moment end;
    with lost as materialized (
      select d.account_id, d.environment, d.endpoint_id, d.id
      from webhooks.pending_deliveries d
      where d.claimed_by = worker and d.due_at <= latest for update skip locked
    )
    update webhooks.pending_deliveries d set claimed_by = null, due_at = moment
    from lost
    where d.account_id = lost.account_id and d.environment = lost.environment
      and d.endpoint_id = lost.endpoint_id and d.id = lost.id;
    get diagnostics taken = row_count;
    total := total + taken;
  end loop;
  return total;
end
$function$;

-- Claims deliveries that are due for a worker, until the end of a lease, across accounts. It goes from endpoint to
-- endpoint, beginning behind one, and takes a few of each, so that none keeps the others waiting, however much it has.
drop function webhooks.claim_deliveries(timestamptz, timestamptz, uuid, uuid[], integer, integer);
create function webhooks.claim_deliveries(
  worker integer, moment timestamptz, lease_ends timestamptz, behind uuid, excluded uuid[],
  each_max integer, total_max integer)
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
  head record;
  version_now integer;
  rate integer;
  last uuid := behind;
  has_turned boolean := false;
  taken integer;
  left_over integer := total_max;
begin
  -- As many steps as there are endpoints with something pending; the limit is against a mistake.
  for step in 1..100000 loop
    exit when left_over <= 0;
    select d.account_id, d.environment, d.endpoint_id into head
    from webhooks.pending_deliveries d
    where d.endpoint_id > last and d.due_at is not null and d.claimed_by is null
    order by d.endpoint_id limit 1;
    if not found or (has_turned and head.endpoint_id > behind) then
      exit when has_turned;
      has_turned := true;
      last := '00000000-0000-0000-0000-000000000000';
      continue;
    end if;
    last := head.endpoint_id;
    continue when last = any (excluded);
    select e.version, e.max_per_second into version_now, rate from webhooks.endpoints e
    where e.account_id = head.account_id and e.environment = head.environment and e.id = last
      and e.disabled_at is null and e.deleted_at is null;
    continue when not found;
    return query
      with due as materialized (
        select d.account_id, d.environment, d.endpoint_id, d.id
        from webhooks.pending_deliveries d
        where d.endpoint_id = last and d.due_at <= moment and d.claimed_by is null
        -- Of a webhook with a rate no more than are made before the lease ends.
        order by d.due_at limit least(each_max, left_over, rate * 20) for update skip locked
      ), claimed as (
        update webhooks.pending_deliveries d set claimed_by = worker, due_at = lease_ends
        from due
        where d.account_id = due.account_id and d.environment = due.environment
          and d.endpoint_id = due.endpoint_id and d.id = due.id
        returning d.*
      )
      select c.account_id, c.environment, c.endpoint_id, version_now, c.id, c.event_id,
        c.event_type, c.license_id, c.line_position, c.attempt_count,
        (select v.body from webhooks.events v
          where v.account_id = c.account_id and v.environment = c.environment and v.id = c.event_id)
      from claimed c;
    get diagnostics taken = row_count;
    left_over := left_over - taken;
  end loop;
end
$function$;

-- Lines move on in the transaction in which their head comes to its end, so none is ever stuck.
drop function webhooks.advance_stuck_lines(timestamptz);

-- Some of the deliveries that still wait though their events are of before a moment, across accounts. It goes from
-- webhook to webhook: what waits there has no index by age alone.
create function webhooks.overdue_deliveries(moment timestamptz, deliveries_max integer)
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
      order by d.account_id, d.environment, d.endpoint_id, d.id limit left_over;
    get diagnostics found_now = row_count;
    left_over := left_over - found_now;
  end loop;
end
$function$;

-- As before, but what still waits is no longer its part.
drop function webhooks.keep_partitions(timestamptz, integer, integer, integer);
create function webhooks.keep_partitions(
  moment timestamptz, events_days integer, deliveries_days integer, days_ahead integer)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $function$
declare
  parent text;
  days integer;
  day date;
  partition_name text;
  changed integer := 0;
begin
  -- One at a time; who comes beside it has nothing to do.
  if not pg_try_advisory_xact_lock(hashtextextended('webhooks.keep_partitions', 0)) then
    return 0;
  end if;
  foreach parent in array array['events', 'finished_deliveries'] loop
    days := case parent when 'events' then events_days else deliveries_days end;
    for ahead in 0..days_ahead loop
      day := (moment at time zone 'UTC')::date + ahead;
      partition_name := parent || to_char(day, '"_"YYYYMMDD');
      continue when to_regclass('webhooks.' || partition_name) is not null;
      begin
        execute format('create table webhooks.%I (like webhooks.%I including all)',
          partition_name, parent);
        execute format('alter table webhooks.%I enable row level security', partition_name);
        execute format('alter table webhooks.%I force row level security', partition_name);
        execute format(
          'alter table webhooks.%I attach partition webhooks.%I for values from (%L) to (%L)',
          parent, partition_name, webhooks.lowest_id(day::timestamp at time zone 'UTC'),
          webhooks.lowest_id((day + 1)::timestamp at time zone 'UTC'));
        changed := changed + 1;
      exception when check_violation then
        -- The default partition has rows of that day already and goes on having them.
        null;
      end;
    end loop;
    for partition_name in
      select c.relname from pg_inherits i
      join pg_class c on c.oid = i.inhrelid
      where i.inhparent = ('webhooks.' || parent)::regclass
        and c.relname < parent || to_char((moment at time zone 'UTC')::date - days, '"_"YYYYMMDD')
        and c.relname ~ '_[0-9]{8}$'
      order by 1
    loop
      execute format('drop table webhooks.%I', partition_name);
      changed := changed + 1;
    end loop;
    execute format('delete from webhooks.%I where id < $1', parent || '_default')
      using webhooks.lowest_id(moment - make_interval(days => days));
  end loop;
  return changed;
end
$function$;

do $ownership$
declare
  name text;
begin
  revoke all on function webhooks.become_worker(integer) from public;
  grant execute on function webhooks.become_worker(integer) to latchkey_webhooks;
  foreach name in array array[
    'webhooks.take_back(timestamptz)',
    'webhooks.claim_deliveries(integer, timestamptz, timestamptz, uuid, uuid[], integer, integer)',
    'webhooks.overdue_deliveries(timestamptz, integer)',
    'webhooks.keep_partitions(timestamptz, integer, integer, integer)'
  ] loop
    execute format('revoke all on function %s from public', name);
    execute format('grant execute on function %s to latchkey_webhooks', name);
    execute format('alter function %s owner to latchkey_lookup_webhooks', name);
  end loop;
end
$ownership$;
