-- As before, but in a line nothing is claimed while an earlier delivery to the same webhook and of the same license is
-- pending: what was being sent when an earlier one was put back by request is due again before that one is received. And
-- of each webhook it is seen first whether anything is due at all: of most nothing is, as their retries come later.
--
-- Of a webhook in `known` it takes no more than its number in `rooms`, and of every other no more than `each_max`. It tells
-- when each was due, for who cannot make it in time and gives it back.
--
-- The function before stays: the processes of the release before call it until they are replaced.
create function webhooks.claim_deliveries(
  worker integer, moment timestamptz, lease_ends timestamptz, behind uuid, turn_began uuid,
  known uuid[], rooms integer[], each_max integer, total_max integer)
returns table (
  account_id uuid, environment text, endpoint_id uuid, endpoint_version integer, id uuid,
  event_id uuid, event_type text, license_id uuid, line_position bigint, attempt_count integer,
  body bytea, was_due timestamptz)
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
  has_due boolean;
  room integer;
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
    -- Of a webhook with a rate no more than are made before the lease ends.
    room := least(coalesce(rooms[array_position(known, last)], each_max), left_over,
      hook.max_per_second * 20);
    has_due := room > 0 and exists (
      select from webhooks.pending_deliveries d
      where d.endpoint_id = last and d.due_at <= moment and d.claimed_by is null);
    if has_due then
      return query
        with due as materialized (
          select d.account_id, d.environment, d.endpoint_id, d.id, d.due_at
          from webhooks.pending_deliveries d
          where d.endpoint_id = last and d.due_at <= moment and d.claimed_by is null
            and (d.line_position is null or not exists (
              select from webhooks.pending_deliveries earlier
              where earlier.account_id = d.account_id and earlier.environment = d.environment
                and earlier.endpoint_id = d.endpoint_id and earlier.license_id = d.license_id
                and earlier.line_position < d.line_position))
          order by d.due_at limit room for update skip locked
        ), claimed as (
          update webhooks.pending_deliveries d set claimed_by = worker, due_at = lease_ends
          from due
          where d.account_id = due.account_id and d.environment = due.environment
            and d.endpoint_id = due.endpoint_id and d.id = due.id
          returning d.*, due.due_at as was_due
        )
        select c.account_id, c.environment, c.endpoint_id, hook.version, c.id, c.event_id,
          c.event_type, c.license_id, c.line_position, c.attempt_count,
          (select v.body from webhooks.events v
            where v.account_id = c.account_id and v.environment = c.environment
              and v.id = c.event_id),
          c.was_due
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
  was_due := null;
  return next;
end
$function$;

-- Partitions are made and dropped by two functions: dropping one needs its parent for itself for a moment, and while
-- somebody reads that for long no day may be without its partition. The one function before stays for the release before.

-- Makes the partitions of the days to come, and says how many. Each is made beside its parent and attached, which needs no
-- more than the default partition for itself.
create function webhooks.make_partitions(moment timestamptz, days_ahead integer)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $function$
declare
  parent text;
  day date;
  partition_name text;
  changed integer := 0;
begin
  -- One at a time; who comes beside it has nothing to do.
  if not pg_try_advisory_xact_lock(hashtextextended('webhooks.make_partitions', 0)) then
    return 0;
  end if;
  foreach parent in array array['events', 'finished_deliveries'] loop
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
  end loop;
  return changed;
end
$function$;

-- Drops the partitions whose days are over, and says how many. What lies in the default partitions (whose days had no
-- partition when it came) is deleted by age.
create function webhooks.drop_partitions(
  moment timestamptz, events_days integer, deliveries_days integer)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $function$
declare
  parent text;
  days integer;
  partition_name text;
  changed integer := 0;
begin
  -- One at a time; who comes beside it has nothing to do.
  if not pg_try_advisory_xact_lock(hashtextextended('webhooks.drop_partitions', 0)) then
    return 0;
  end if;
  foreach parent in array array['events', 'finished_deliveries'] loop
    days := case parent when 'events' then events_days else deliveries_days end;
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

-- Webhooks that are deleted: few of all, and their deliveries are looked for each minute.
create index endpoints_deleted on webhooks.endpoints (id) where deleted_at is not null;

-- As before, but it finds rows by index whatever the server takes the queue for.
drop function webhooks.forget_deliveries(integer);
create function webhooks.forget_deliveries(deliveries_max integer)
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
  removed integer;
begin
  delete from webhooks.pending_deliveries d
  where d.ctid = any (array(
    select o.place
    from webhooks.endpoints e
    cross join lateral (
      select p.ctid as place from webhooks.pending_deliveries p
      where p.account_id = e.account_id and p.environment = e.environment and p.endpoint_id = e.id
      offset 0 for update skip locked
    ) o
    where e.deleted_at is not null order by e.id limit deliveries_max));
  get diagnostics removed = row_count;
  return removed;
end
$function$;

do $ownership$
declare
  name text;
begin
  foreach name in array array[
    'webhooks.claim_deliveries(integer, timestamptz, timestamptz, uuid, uuid, uuid[], integer[], integer, integer)',
    'webhooks.make_partitions(timestamptz, integer)',
    'webhooks.drop_partitions(timestamptz, integer, integer)',
    'webhooks.forget_deliveries(integer)'
  ] loop
    execute format('revoke all on function %s from public', name);
    execute format('grant execute on function %s to latchkey_webhooks', name);
    execute format('alter function %s owner to latchkey_lookup_webhooks', name);
  end loop;
end
$ownership$;
