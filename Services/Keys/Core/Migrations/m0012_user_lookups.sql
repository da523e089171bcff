-- Look-ups of users whose plans are right for any size, and a sweep that reads no whole table.
create index invitations_expiry on keys.invitations (expires_at);
create index password_resets_expiry on keys.password_resets (expires_at);
create index password_resets_user on keys.password_resets (account_id, user_id);

-- The user with an address. As in keys.authenticate the plan's shape is fixed, since it may have been made while the
-- tables were small.
drop function keys.find_user(text);
create function keys.find_user(wanted text)
returns table (
  account_id uuid, user_id uuid, password_hash text, login_addresses text[])
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
    select u.account_id, u.id, u.password_hash, u.login_addresses
    from keys.user_emails e
    join keys.users u on u.account_id = e.account_id and u.id = e.user_id
    where e.email = wanted;
end
$function$;

-- What a token of one kind stands for.
drop function keys.find_user_token(bytea, text);
create function keys.find_user_token(hash bytea, wanted text)
returns table (account_id uuid, subject_id uuid, expires_at timestamptz)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $function$
begin
  return query
    select t.account_id, t.subject_id, t.expires_at
    from keys.user_tokens t
    where t.sha256 = hash and t.kind = wanted;
end
$function$;

-- Deletes what has ended before a moment: sessions, half-done logins, links, and their tokens. A session that nobody
-- uses has ended long before, and is deleted at its last moment all the same.
drop function keys.sweep_logins(timestamptz, timestamptz, integer);
create function keys.sweep_logins(now timestamptz, rows_max integer)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
  total integer := 0;
  count integer;
begin
  delete from keys.sessions s using (
    select account_id, id from keys.sessions e where e.expires_at <= now
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
  foreach signature in array array[
    'keys.find_user(text)', 'keys.find_user_token(bytea, text)',
    'keys.sweep_logins(timestamptz, integer)'
  ] loop
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to latchkey_keys', signature);
    execute format('alter function %s owner to latchkey_lookup_keys', signature);
  end loop;
  revoke create on schema keys from latchkey_lookup_keys;
end
$ownership$;
