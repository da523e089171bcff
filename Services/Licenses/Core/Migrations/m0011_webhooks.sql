-- The webhooks service takes events out of the outbox, and says which of them anybody wants.
grant usage on schema events to latchkey_webhooks, latchkey_lookup_webhooks;

alter table events.outbox
  -- What webhooks choose events by: the product of the license, and its metadata where the payload is not the
  -- license itself.
  add column product_id uuid,
  add column license_metadata jsonb check (jsonb_typeof(license_metadata) = 'object');

-- It has events of its own too.
alter policy produce on events.outbox to latchkey_licenses, latchkey_keys, latchkey_webhooks;
create policy take on events.outbox to latchkey_webhooks
  using (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid
    and environment = current_setting('latchkey.environment', true));
create policy lookup on events.outbox for select to latchkey_lookup_webhooks using (true);
grant select, insert, delete on events.outbox to latchkey_webhooks;
grant select on events.outbox to latchkey_lookup_webhooks;

-- The tenants that have events waiting, those after `behind` first. Their number is what it costs, however many
-- events each has.
create function events.waiting_tenants(behind uuid, tenants_max integer)
returns table (account_id uuid, environment text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
declare
  last_account uuid := behind;
  last_environment text := 'z';
  has_turned boolean := false;
begin
  for turn in 1..tenants_max loop
    select o.account_id, o.environment into account_id, environment
    from events.outbox o
    where (o.account_id, o.environment) > (last_account, last_environment)
    order by o.account_id, o.environment limit 1;
    if not found then
      -- Begins at the first again, once.
      exit when has_turned;
      has_turned := true;
      last_account := '00000000-0000-0000-0000-000000000000';
      last_environment := '';
      continue;
    end if;
    exit when has_turned and account_id > behind;
    return next;
    last_account := account_id;
    last_environment := environment;
  end loop;
end
$function$;

-- Which events somebody is sent, of those that are told only then: written with the webhooks.
create table events.subscriptions (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  type text not null,
  primary key (account_id, environment, type)
);
alter table events.subscriptions enable row level security;
alter table events.subscriptions force row level security;
create policy subscribe on events.subscriptions to latchkey_webhooks
  using (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid
    and environment = current_setting('latchkey.environment', true));
create policy lookup on events.subscriptions for select to latchkey_lookup_webhooks using (true);
grant select, insert, delete on events.subscriptions to latchkey_webhooks;
grant select on events.subscriptions to latchkey_lookup_webhooks;

create function events.all_subscriptions()
returns table (account_id uuid, environment text, type text)
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $function$
  select s.account_id, s.environment, s.type from events.subscriptions s
$function$;

do $ownership$
begin
  grant create on schema events to latchkey_lookup_webhooks;
  revoke all on function events.waiting_tenants(uuid, integer) from public;
  revoke all on function events.all_subscriptions() from public;
  grant execute on function events.waiting_tenants(uuid, integer) to latchkey_webhooks;
  grant execute on function events.all_subscriptions() to latchkey_licenses;
  alter function events.waiting_tenants(uuid, integer) owner to latchkey_lookup_webhooks;
  alter function events.all_subscriptions() owner to latchkey_lookup_webhooks;
  revoke create on schema events from latchkey_lookup_webhooks;
end
$ownership$;
