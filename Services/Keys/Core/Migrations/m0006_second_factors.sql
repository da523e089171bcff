-- The second factor of users, who have one or none, and the recovery codes that go with it.
create table keys.second_factors (
  account_id uuid not null references keys.accounts,
  user_id uuid not null,
  -- 160 random bits, sealed by the account's data key.
  sealed_totp_secret bytea not null,
  -- When a code has shown that the secret arrived; before that no login asks for one.
  confirmed_at timestamptz,
  -- The time step of the last code that was accepted: neither it nor an earlier one is accepted again.
  last_step bigint not null default 0,
  created_at timestamptz not null,
  primary key (account_id, user_id),
  foreign key (account_id, user_id) references keys.users
);

-- HMAC-SHA256 of each unused code, under a key that is derived from the sealed secret: a code has 50 bits, and a plain
-- hash of so few could be tried out by whoever has the database.
create table keys.recovery_codes (
  account_id uuid not null,
  user_id uuid not null,
  mac bytea not null check (octet_length(mac) = 32),
  created_at timestamptz not null,
  primary key (account_id, user_id, mac),
  foreign key (account_id, user_id) references keys.second_factors on delete cascade
);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['second_factors', 'recovery_codes'] loop
    execute format('alter table keys.%I enable row level security', table_name);
    execute format('alter table keys.%I force row level security', table_name);
    execute format(
      'create policy tenant on keys.%I to latchkey_keys
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid)',
      table_name);
    execute format('grant select, insert, delete on keys.%I to latchkey_keys', table_name);
  end loop;
end
$tenancy$;

grant update (sealed_totp_secret, confirmed_at, last_step, created_at)
  on keys.second_factors to latchkey_keys;
