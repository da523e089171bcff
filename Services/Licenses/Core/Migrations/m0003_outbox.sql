-- The outbox: each change and its event are written in one transaction. Producers may only insert.
create schema if not exists events;
grant usage on schema events to latchkey_licenses;

create table events.outbox (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  id uuid not null,
  -- The event's public name, such as `license.created`.
  type text not null,
  license_id uuid,
  -- The event's place among those of its license, from 1 without gaps.
  sequence bigint check (sequence > 0),
  -- The resource as it was after the change: the protobuf message that REST answers with.
  payload bytea not null,
  created_at timestamptz not null,
  primary key (account_id, environment, id)
);
create unique index outbox_sequence
  on events.outbox (account_id, environment, license_id, sequence);

alter table events.outbox enable row level security;
alter table events.outbox force row level security;
create policy produce on events.outbox for insert to latchkey_licenses
  with check (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid
    and environment = current_setting('latchkey.environment', true));
grant insert on events.outbox to latchkey_licenses;
