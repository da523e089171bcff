-- What every change leaves behind, whichever service makes it: its line in the audit log, and the answer to
-- a request that brought an Idempotency-Key. Both are written in the transaction of the change itself.
create schema if not exists changes;
grant usage on schema changes to latchkey_keys, latchkey_licenses, latchkey_changes, latchkey_auditor;

-- The audit log: rows are only ever added. The columns are what lists are filtered by; `entry` is the whole,
-- as the protobuf message AuditEvent.
create table changes.audit_entries (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  -- UUIDv7 of the time of the change.
  id uuid not null,
  action text not null check (char_length(action) between 1 and 64),
  resource_id uuid,
  actor_id text,
  entry bytea not null,
  primary key (account_id, environment, id)
);
create index audit_entries_resource on changes.audit_entries
  (account_id, environment, resource_id, id);
create index audit_entries_action on changes.audit_entries (account_id, environment, action, id);
create index audit_entries_actor on changes.audit_entries (account_id, environment, actor_id, id);

-- Entries that no seal covers yet. A change adds its entry to both, so that the sealer finds its work without
-- reading the log, and no transaction waits for another's place in the chain.
create table changes.audit_unsealed (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  entry_id uuid not null,
  primary key (account_id, environment, entry_id)
);

-- The chain of an account: each seal is the SHA-256 of the one before, its own position, and the entry.
create table changes.audit_seals (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  -- From 1 without gaps, across both environments of the account.
  position bigint not null check (position > 0),
  entry_id uuid not null,
  hash bytea not null check (octet_length(hash) = 32),
  sealed_at timestamptz not null,
  primary key (account_id, position)
);
create unique index audit_seals_entry on changes.audit_seals (account_id, environment, entry_id);

-- Answers to requests with an Idempotency-Key, sealed, as one may hold a license key. The row is made before the
-- change and in its transaction: who brings the same key meanwhile waits for it.
create table changes.idempotent_answers (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  -- SHA-256 of method, path and key.
  key_hash bytea not null check (octet_length(key_hash) = 32),
  id uuid not null,
  request_hash bytea not null check (octet_length(request_hash) = 32),
  -- The HTTP status where it is not the usual one of the method.
  status smallint,
  sealed_answer bytea,
  created_at timestamptz not null,
  primary key (account_id, environment, key_hash)
);
create index idempotent_answers_age on changes.idempotent_answers (created_at);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['audit_entries', 'audit_unsealed', 'audit_seals',
    'idempotent_answers']
  loop
    execute format('alter table changes.%I enable row level security', table_name);
    execute format('alter table changes.%I force row level security', table_name);
    execute format(
      'create policy tenant on changes.%I to latchkey_keys, latchkey_licenses
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid
           and environment = current_setting(''latchkey.environment'', true))',
      table_name);
    execute format('create policy keeper on changes.%I to latchkey_changes using (true)', table_name);
  end loop;
end
$tenancy$;
do $audit$
declare
  table_name text;
begin
  foreach table_name in array array['audit_entries', 'audit_unsealed', 'audit_seals'] loop
    execute format(
      'create policy auditor on changes.%I for select to latchkey_auditor using (true)', table_name);
    execute format('grant select on changes.%I to latchkey_auditor', table_name);
  end loop;
end
$audit$;
grant select, insert on changes.audit_entries to latchkey_keys, latchkey_licenses;
grant insert on changes.audit_unsealed to latchkey_keys, latchkey_licenses;
grant select, insert, update on changes.idempotent_answers to latchkey_keys, latchkey_licenses;
grant select on changes.audit_entries to latchkey_changes;
grant select, delete on changes.audit_unsealed to latchkey_changes;
grant select, insert on changes.audit_seals to latchkey_changes;
-- Locking rows takes the right to update them.
grant select, update, delete on changes.idempotent_answers to latchkey_changes;

-- Seals up to `entries_max` entries and says how many. One sealer at a time works on an account; the others
-- pass it by. Entries whose transaction was late are sealed behind younger ones: the chain keeps the order of
-- sealing, and that none is missing.
create function changes.seal_audit_entries(entries_max integer)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
  account uuid;
  unsealed record;
  previous record;
  sealed integer := 0;
begin
  for account in select distinct u.account_id from changes.audit_unsealed u loop
    exit when sealed >= entries_max;
    continue when not pg_try_advisory_xact_lock(
      hashtextextended('changes.seal_audit_entries ' || account::text, 0));
    -- Read after the lock was given, so it sees what the sealer before has committed.
    select s.position, s.hash into previous
      from changes.audit_seals s where s.account_id = account order by s.position desc limit 1;
    if not found then
      select 0::bigint as position, decode(repeat('00', 32), 'hex') as hash into previous;
    end if;
    for unsealed in
      select u.environment, u.entry_id, e.entry
      from changes.audit_unsealed u
      join changes.audit_entries e on e.account_id = u.account_id
        and e.environment = u.environment and e.id = u.entry_id
      where u.account_id = account
      order by u.entry_id limit entries_max - sealed
    loop
      previous.position := previous.position + 1;
      previous.hash := changes.audit_seal_hash(
        previous.hash, previous.position, unsealed.environment, unsealed.entry_id, unsealed.entry);
      insert into changes.audit_seals (
        account_id, environment, position, entry_id, hash, sealed_at)
      values (
        account, unsealed.environment, previous.position, unsealed.entry_id, previous.hash, now());
      delete from changes.audit_unsealed u where u.account_id = account
        and u.environment = unsealed.environment and u.entry_id = unsealed.entry_id;
      sealed := sealed + 1;
    end loop;
  end loop;
  return sealed;
end
$function$;

-- What a seal is, written once for the sealer here and once more for the verifier (AuditChain.swift): every
-- part has a fixed size, but for the last.
create function changes.audit_seal_hash(
  previous bytea, seal_position bigint, environment text, entry_id uuid, entry bytea)
returns bytea
language sql immutable
set search_path = pg_catalog, pg_temp
as $function$
  select sha256(previous || int8send(seal_position) || convert_to(environment, 'UTF8')
    || uuid_send(entry_id) || entry)
$function$;

-- Removes up to `answers_max` answers that are older than anybody may ask for, and says how many.
create function changes.forget_idempotent_answers(before timestamptz, answers_max integer)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
  removed integer;
begin
  delete from changes.idempotent_answers a using (
    select o.account_id, o.environment, o.key_hash from changes.idempotent_answers o
    where o.created_at < before order by o.created_at limit answers_max for update skip locked
  ) old
  where a.account_id = old.account_id and a.environment = old.environment
    and a.key_hash = old.key_hash;
  get diagnostics removed = row_count;
  return removed;
end
$function$;

revoke all on function changes.seal_audit_entries(integer) from public;
revoke all on function changes.audit_seal_hash(bytea, bigint, text, uuid, bytea) from public;
revoke all on function changes.forget_idempotent_answers(timestamptz, integer) from public;
grant execute on function changes.audit_seal_hash(bytea, bigint, text, uuid, bytea) to latchkey_changes;
grant execute on function changes.seal_audit_entries(integer) to latchkey_licenses;
grant execute on function changes.forget_idempotent_answers(timestamptz, integer)
  to latchkey_licenses;
grant create on schema changes to latchkey_changes;
alter function changes.seal_audit_entries(integer) owner to latchkey_changes;
alter function changes.forget_idempotent_answers(timestamptz, integer) owner to latchkey_changes;
revoke create on schema changes from latchkey_changes;
