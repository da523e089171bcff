-- Users of the dashboard, and the links by which they come. Like accounts they are above the environments, so none of
-- these tables has one.
create table keys.users (
  account_id uuid not null references keys.accounts,
  id uuid not null,
  -- Normalised: in lower case.
  email text not null,
  name text not null check (char_length(name) between 1 and 255),
  role text not null check (role in ('owner', 'admin', 'developer', 'support', 'read-only')),
  -- Argon2id with its salt and its parameters, in one text.
  password_hash text not null,
  -- Where the user has logged in from of late, the latest first: from there the user is let in while somebody else
  -- tries passwords.
  login_addresses text[] not null default '{}' check (cardinality(login_addresses) <= 10),
  disabled_at timestamptz,
  last_login_at timestamptz,
  created_at timestamptz not null,
  primary key (account_id, id)
);

-- Looked up before the account is known. An address belongs to one user of the whole deployment, so that a login
-- needs no name of an account.
create table keys.user_emails (
  email text primary key check (email = lower(email)),
  account_id uuid not null,
  user_id uuid not null
);

-- By which somebody becomes a user; gone once accepted or taken back.
create table keys.invitations (
  account_id uuid not null references keys.accounts,
  id uuid not null,
  email text not null,
  role text not null check (role in ('owner', 'admin', 'developer', 'support', 'read-only')),
  -- The user who invites; null for the operator.
  invited_by uuid,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  primary key (account_id, id)
);

-- By which a user sets another password; gone once used.
create table keys.password_resets (
  account_id uuid not null references keys.accounts,
  id uuid not null,
  user_id uuid not null,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  primary key (account_id, id),
  foreign key (account_id, user_id) references keys.users
);

-- What the tokens stand for that users hold: sessions, half-done logins, links. A token is 256 random bits, of which
-- only the SHA-256 is kept; looked up before the account is known.
create table keys.user_tokens (
  sha256 bytea primary key check (octet_length(sha256) = 32),
  account_id uuid not null,
  kind text not null check (kind in ('session', 'challenge', 'invitation', 'password-reset')),
  subject_id uuid not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  -- When another token took the place of a session's.
  replaced_at timestamptz
);
create index user_tokens_subject on keys.user_tokens (account_id, subject_id);
create index user_tokens_expiry on keys.user_tokens (expires_at);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array[
    'users', 'user_emails', 'invitations', 'password_resets', 'user_tokens'
  ] loop
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
end
$tenancy$;

grant update (name, role, password_hash, login_addresses, disabled_at, last_login_at)
  on keys.users to latchkey_keys;
grant update (expires_at, replaced_at) on keys.user_tokens to latchkey_keys;

-- The user with an address.
create function keys.find_user(wanted text)
returns table (
  account_id uuid, user_id uuid, password_hash text, login_addresses text[])
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
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
create function keys.find_user_token(hash bytea, wanted text)
returns table (account_id uuid, subject_id uuid, expires_at timestamptz)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
  return query
    select t.account_id, t.subject_id, t.expires_at
    from keys.user_tokens t
    where t.sha256 = hash and t.kind = wanted;
end
$function$;

do $ownership$
declare
  signature text;
begin
  grant create on schema keys to latchkey_lookup_keys;
  foreach signature in array array['keys.find_user(text)', 'keys.find_user_token(bytea, text)'] loop
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to latchkey_keys', signature);
    execute format('alter function %s owner to latchkey_lookup_keys', signature);
  end loop;
  revoke create on schema keys from latchkey_lookup_keys;
end
$ownership$;
