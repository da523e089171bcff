-- How much waits, across accounts: in the outbox, and to be delivered. Counted up to a limit, so that it costs as little
-- when much waits as when nothing does.
create function webhooks.queue_depths(moment timestamptz, counted_max integer)
returns table (
  outbox_count bigint, outbox_oldest uuid, pending_count bigint, due_count bigint,
  oldest_due timestamptz)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
  select count(*), (array_agg(o.id order by o.id))[1] into outbox_count, outbox_oldest
  from (select id from events.outbox limit counted_max) o;
  select count(*), count(*) filter (where d.due_at <= moment),
    min(d.due_at) filter (where d.due_at <= moment)
  into pending_count, due_count, oldest_due
  from (select due_at from webhooks.pending_deliveries limit counted_max) d;
  return next;
end
$function$;

do $ownership$
begin
  revoke all on function webhooks.queue_depths(timestamptz, integer) from public;
  grant execute on function webhooks.queue_depths(timestamptz, integer) to latchkey_webhooks;
  alter function webhooks.queue_depths(timestamptz, integer) owner to latchkey_lookup_webhooks;
end
$ownership$;
