-- Users who are logged in, and logins that wait for the second factor. What has ended is deleted: the audit log tells
-- of it.
create table keys.sessions (
  account_id uuid not null references keys.accounts,
  id uuid not null,
  user_id uuid not null,
  client_address text,
  -- The minute of the last use. In no index, so that writing it leaves the indexes alone.
  last_used_at timestamptz not null,
  -- From when its token is to be exchanged for another.
  rotates_at timestamptz not null,
  -- When it ends even if it is used.
  expires_at timestamptz not null,
  created_at timestamptz not null,
  primary key (account_id, id),
  foreign key (account_id, user_id) references keys.users
);
create index sessions_user on keys.sessions (account_id, user_id);
create index sessions_expiry on keys.sessions (expires_at);

-- Logins whose password was right and whose code is still to come.
create table keys.login_challenges (
  account_id uuid not null references keys.accounts,
  id uuid not null,
  user_id uuid not null,
  -- How many codes may still be tried.
  attempts_left integer not null check (attempts_left >= 0),
  expires_at timestamptz not null,
  created_at timestamptz not null,
  primary key (account_id, id),
  foreign key (account_id, user_id) references keys.users
);
create index login_challenges_user on keys.login_challenges (account_id, user_id);
create index login_challenges_expiry on keys.login_challenges (expires_at);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['sessions', 'login_challenges'] loop
    execute format('alter table keys.%I enable row level security', table_name);
    execute format('alter table keys.%I force row level security', table_name);
    execute format(
      'create policy tenant on keys.%I to latchkey_keys
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid)',
      table_name);
    execute format('create policy lookup on keys.%I for select to latchkey_lookup_keys using (true)', table_name);
    execute format('grant select on keys.%I to latchkey_lookup_keys', table_name);
    execute format('grant select, insert, delete on keys.%I to latchkey_keys', table_name);
  end loop;
  -- What has ended is swept away across accounts.
  foreach table_name in array array[
    'sessions', 'login_challenges', 'invitations', 'password_resets', 'user_tokens'
  ] loop
    execute format('create policy sweep on keys.%I for delete to latchkey_lookup_keys using (true)', table_name);
    execute format('grant delete on keys.%I to latchkey_lookup_keys', table_name);
  end loop;
end
$tenancy$;

grant update (last_used_at, rotates_at) on keys.sessions to latchkey_keys;
grant update (attempts_left) on keys.login_challenges to latchkey_keys;

-- Whose sessions many tokens belong to; a hash that no token has gives no row. What has expired is returned with its
-- times: the caller decides with one clock. As in keys.authenticate the plan's shape is fixed: the token, its session,
-- its user, each by the primary key.
create function keys.authenticate_sessions(hashes bytea[])
returns table (
  sha256 bytea, account_id uuid, session_id uuid, user_id uuid, role text, disabled_at timestamptz,
  token_expires_at timestamptz, token_replaced_at timestamptz, last_used_at timestamptz,
  rotates_at timestamptz, expires_at timestamptz)
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
    select t.sha256, s.account_id, s.id, s.user_id, u.role, u.disabled_at, t.expires_at,
      t.replaced_at, s.last_used_at, s.rotates_at, s.expires_at
    from keys.user_tokens t
    join keys.sessions s on s.account_id = t.account_id and s.id = t.subject_id
    join keys.users u on u.account_id = s.account_id and u.id = s.user_id
    where t.sha256 = any (hashes) and t.kind = 'session';
end
$function$;

-- Deletes what has ended before a moment: sessions by either limit, half-done logins, links, and their tokens.
create function keys.sweep_logins(now timestamptz, idle_since timestamptz, rows_max integer)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
  total integer := 0;
  count integer;
begin
  delete from keys.sessions s using (
    select account_id, id from keys.sessions e
    where e.expires_at <= now or e.last_used_at <= idle_since
    limit rows_max for update skip locked) e
  where s.account_id = e.account_id and s.id = e.id;
  get diagnostics count = row_count;
  total := total + count;
  delete from keys.login_challenges where expires_at <= now;
  get diagnostics count = row_count;
  total := total + count;
  delete from keys.invitations where expires_at <= now;
  get diagnostics count = row_count;
  total := total + count;
  delete from keys.password_resets where expires_at <= now;
  get diagnostics count = row_count;
  total := total + count;
  -- A token of a session that has ended by idleness leads nowhere until its own time has come.
  delete from keys.user_tokens t using (
    select sha256 from keys.user_tokens e where e.expires_at <= now
    limit rows_max for update skip locked) e
  where t.sha256 = e.sha256;
  get diagnostics count = row_count;
  return total + count;
end
$function$;

do $ownership$
declare
  signature text;
begin
  grant create on schema keys to latchkey_lookup_keys;
  -- `for update` asks for a policy and a right to update; nothing is.
  foreach signature in array array['sessions', 'user_tokens'] loop
    execute format('create policy sweep_lock on keys.%I for update to latchkey_lookup_keys using (true)', signature);
    execute format('grant update on keys.%I to latchkey_lookup_keys', signature);
  end loop;
  foreach signature in array array[
    'keys.authenticate_sessions(bytea[])',
    'keys.sweep_logins(timestamptz, timestamptz, integer)'
  ] loop
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to latchkey_keys', signature);
    execute format('alter function %s owner to latchkey_lookup_keys', signature);
  end loop;
  revoke create on schema keys from latchkey_lookup_keys;
end
$ownership$;
