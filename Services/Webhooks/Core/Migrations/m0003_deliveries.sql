-- Events, their place in the feed, and their deliveries.

-- How far each tenant's feed goes. Who adds to the feed locks the row until the end of the transaction, so positions
-- become visible in their order and without gaps.
create table webhooks.feeds (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  position bigint not null check (position >= 0),
  primary key (account_id, environment)
);

-- Events as they are sent. Partitioned by day: the id is a UUIDv7, whose first 48 bits are the time.
create table webhooks.events (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  id uuid not null,
  position bigint not null check (position > 0),
  type text not null,
  license_id uuid,
  sequence bigint,
  api_version text not null,
  created_at timestamptz not null,
  -- The envelope, in the very bytes that are posted and signed.
  body bytea not null,
  primary key (account_id, environment, id)
) partition by range (id);
create index events_position on webhooks.events (account_id, environment, position);
create index events_license on webhooks.events (account_id, environment, license_id, position)
  where license_id is not null;

-- Deliveries that are still to be made: the queue. Small, and not partitioned, so that nothing that waits is ever
-- dropped by age.
create table webhooks.pending_deliveries (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  endpoint_id uuid not null,
  -- UUIDv7 with the time of the event, so that deliveries of an event are found, and dropped, with it.
  id uuid not null,
  event_id uuid not null,
  event_type text not null,
  license_id uuid,
  -- The event's position where the endpoint is ordered; the lowest of a license is its head.
  line_position bigint,
  -- When it may be claimed: who claims one moves it to the end of the lease. Null while it waits in line.
  due_at timestamptz,
  attempt_count integer not null default 0 check (attempt_count >= 0),
  -- The encoded message DeliveryAttempts; each attempt is put behind the others.
  attempts bytea not null default '',
  created_at timestamptz not null,
  primary key (account_id, environment, endpoint_id, id),
  check (due_at is not null or line_position is not null)
) with (fillfactor = 80);
create index pending_deliveries_due on webhooks.pending_deliveries (endpoint_id, due_at)
  where due_at is not null;
create index pending_deliveries_line on webhooks.pending_deliveries
  (account_id, environment, endpoint_id, license_id, line_position) where line_position is not null;

-- Deliveries that have come to an end: the log.
create table webhooks.finished_deliveries (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  endpoint_id uuid not null,
  id uuid not null,
  event_id uuid not null,
  event_type text not null,
  license_id uuid,
  line_position bigint,
  status text not null check (status in ('succeeded', 'failed', 'cancelled', 'skipped')),
  attempt_count integer not null,
  attempts bytea not null,
  created_at timestamptz not null,
  finished_at timestamptz not null,
  primary key (account_id, environment, endpoint_id, id)
) partition by range (id);
create index finished_deliveries_unsent on webhooks.finished_deliveries
  (account_id, environment, endpoint_id, id) where status in ('failed', 'skipped');

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['feeds', 'events', 'pending_deliveries', 'finished_deliveries']
  loop
    execute format('alter table webhooks.%I enable row level security', table_name);
    execute format('alter table webhooks.%I force row level security', table_name);
    execute format(
      'create policy tenant on webhooks.%I to latchkey_webhooks
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid
           and environment = current_setting(''latchkey.environment'', true))',
      table_name);
    execute format('grant select, insert on webhooks.%I to latchkey_webhooks', table_name);
  end loop;
  foreach table_name in array array['events', 'pending_deliveries', 'finished_deliveries'] loop
    execute format(
      'create policy lookup on webhooks.%I to latchkey_lookup_webhooks using (true)', table_name);
  end loop;
end
$tenancy$;
grant update on webhooks.feeds to latchkey_webhooks;
grant update, delete on webhooks.pending_deliveries to latchkey_webhooks;
grant delete on webhooks.finished_deliveries to latchkey_webhooks;
grant select on webhooks.events to latchkey_lookup_webhooks;
grant select, update, delete on webhooks.pending_deliveries to latchkey_lookup_webhooks;

-- The lowest id of a UUIDv7 made at a moment or later.
create function webhooks.lowest_id(moment timestamptz)
returns uuid
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
  select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0')
    || repeat('0', 20))::uuid
$function$;

-- Claims deliveries that are due until the end of a lease, across accounts. It goes from endpoint to endpoint,
-- beginning behind one, and takes a few of each, so that none keeps the others waiting, however much it has.
create function webhooks.claim_deliveries(
  moment timestamptz, lease_ends timestamptz, behind uuid, excluded uuid[], each_max integer,
  total_max integer)
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
    where d.endpoint_id > last and d.due_at is not null
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
        where d.endpoint_id = last and d.due_at <= moment
        -- Of a webhook with a rate no more than are made before the lease ends.
        order by d.due_at limit least(each_max, left_over, rate * 20) for update skip locked
      ), claimed as (
        update webhooks.pending_deliveries d set due_at = lease_ends
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

-- Lets the heads of lines go that nobody has let go: whoever should have has died. Says how many.
create function webhooks.advance_stuck_lines(moment timestamptz)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
  advanced integer;
begin
  update webhooks.pending_deliveries d set due_at = moment
  from (
    select distinct on (w.account_id, w.environment, w.endpoint_id, w.license_id)
      w.account_id, w.environment, w.endpoint_id, w.id, w.due_at
    from webhooks.pending_deliveries w where w.line_position is not null
    order by w.account_id, w.environment, w.endpoint_id, w.license_id, w.line_position
  ) head
  where head.due_at is null and d.due_at is null
    and d.account_id = head.account_id and d.environment = head.environment
    and d.endpoint_id = head.endpoint_id and d.id = head.id;
  get diagnostics advanced = row_count;
  return advanced;
end
$function$;

-- Makes the partitions of the days to come, and drops those whose days are over. What lies in the default partitions
-- (whose days had no partition when it came) is deleted by age. Whatever is older than the oldest event that is kept
-- can no longer be sent, so it leaves the queue as well.
--
-- A partition is made beside its parent and attached, which stops nobody; dropping one needs the parent for a moment.
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
  delete from webhooks.pending_deliveries d
  where d.id < webhooks.lowest_id(moment - make_interval(days => events_days));
  return changed;
end
$function$;

-- Removes up to `deliveries_max` deliveries that wait for endpoints which are deleted, and says how many.
create function webhooks.forget_deliveries(deliveries_max integer)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
  removed integer;
begin
  delete from webhooks.pending_deliveries d using (
    select o.account_id, o.environment, o.endpoint_id, o.id
    from webhooks.endpoints e
    join webhooks.pending_deliveries o on o.account_id = e.account_id
      and o.environment = e.environment and o.endpoint_id = e.id
    where e.deleted_at is not null
    limit deliveries_max for update of o skip locked
  ) gone
  where d.account_id = gone.account_id and d.environment = gone.environment
    and d.endpoint_id = gone.endpoint_id and d.id = gone.id;
  get diagnostics removed = row_count;
  return removed;
end
$function$;

create table webhooks.events_default partition of webhooks.events default;
create table webhooks.finished_deliveries_default partition of webhooks.finished_deliveries default;
do $ownership$
declare
  name text;
begin
  -- The role owns what it makes and drops partitions of, and the functions; nobody can log in as it.
  grant create on schema webhooks to latchkey_lookup_webhooks;
  foreach name in array array['events_default', 'finished_deliveries_default'] loop
    execute format('alter table webhooks.%I enable row level security', name);
    execute format('alter table webhooks.%I force row level security', name);
    execute format(
      'create policy lookup on webhooks.%I to latchkey_lookup_webhooks using (true)', name);
  end loop;
  foreach name in array array['events', 'finished_deliveries', 'events_default',
    'finished_deliveries_default']
  loop
    execute format('alter table webhooks.%I owner to latchkey_lookup_webhooks', name);
  end loop;
  revoke all on function webhooks.lowest_id(timestamptz) from public;
  grant execute on function webhooks.lowest_id(timestamptz) to latchkey_webhooks, latchkey_lookup_webhooks;
  foreach name in array array[
    'webhooks.claim_deliveries(timestamptz, timestamptz, uuid, uuid[], integer, integer)',
    'webhooks.advance_stuck_lines(timestamptz)',
    'webhooks.forget_deliveries(integer)',
    'webhooks.keep_partitions(timestamptz, integer, integer, integer)'
  ] loop
    execute format('revoke all on function %s from public', name);
    execute format('grant execute on function %s to latchkey_webhooks', name);
    execute format('alter function %s owner to latchkey_lookup_webhooks', name);
  end loop;
end
$ownership$;
