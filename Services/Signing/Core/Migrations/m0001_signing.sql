-- Keysets, the license files that were made, and what is published about both.
--
-- Every table leads its keys with account_id, so that it can be distributed by account, and all but
-- data_keys have the environment next. Row-level security compares both with the settings that each transaction
-- makes; a session shows an unset one as '' or null, hence nullif.
create schema if not exists signing;
grant usage on schema signing to latchkey_signing, latchkey_lookup_signing;

-- The data-encryption keys for an account's signing keys, wrapped by a master key that the database never sees and
-- that no other service has. The newest version seals. They are the account's, so there is no environment.
create table signing.data_keys (
  account_id uuid not null,
  version integer not null check (version > 0),
  wrapped_key bytea not null,
  created_at timestamptz not null,
  primary key (account_id, version)
);

-- One row for each tenant that signs: what it has one of. Whoever makes files, notes that some count no more, or
-- changes keys holds this row's lock, so that each sees all that the others have done.
create table signing.keysets (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  -- The number of the latest license file.
  last_serial bigint not null default 0 check (last_serial >= 0),
  -- The number of the latest statement of any kind.
  last_number bigint not null default 0 check (last_number >= 0),
  -- The public half of the root; the private one is not kept.
  root_public_key bytea check (octet_length(root_public_key) = 32),
  root_created_at timestamptz,
  created_at timestamptz not null,
  primary key (account_id, environment),
  check ((root_public_key is null) = (root_created_at is null))
);

-- The keys that sign. What each is used for follows from its times, so that nothing has to be written when one takes
-- over from another: next before activates_at (null: not decided), active until retired_at, then retired; revoked
-- from revoked_at on.
create table signing.keys (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  id uuid not null,
  public_key bytea not null check (octet_length(public_key) = 32),
  -- The name in files and statements, which follows from the public key.
  key_id text not null check (key_id ~ '^[0-9a-f]{32}$'),
  -- What the private half comes from; erased once the key signs no more.
  sealed_seed bytea,
  activates_at timestamptz,
  retired_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null,
  primary key (account_id, environment, id),
  unique (account_id, environment, key_id),
  foreign key (account_id, environment) references signing.keysets
);

-- Every license file that was made, written before its signature is given out.
create table signing.license_files (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  serial bigint not null check (serial > 0),
  -- UUIDv7 of the time in issued_at: the order of ids is the order of issue.
  id uuid not null,
  license_id uuid not null,
  machine_id uuid,
  fingerprint_sha256 bytea not null check (octet_length(fingerprint_sha256) = 32),
  key_id text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  -- Whether it is revoked because its license is; it counts again when the license does.
  revoked_with_license boolean not null default false,
  primary key (account_id, environment, serial),
  check (not revoked_with_license or revoked_at is not null)
);
create index license_files_license on signing.license_files (account_id, environment, license_id, id);
create index license_files_key on signing.license_files (account_id, environment, key_id, expires_at)
  where revoked_at is null;
create index license_files_revoked on signing.license_files (account_id, environment, expires_at)
  where revoked_at is not null;

-- Whether the files of a license count, as the licenses service last said; no row means that they do. Also consulted
-- for files that are being made while the word comes.
create table signing.license_standings (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  license_id uuid not null,
  -- The number of the license's event that told so: of two words the later one holds.
  sequence bigint not null,
  is_barred boolean not null,
  noted_at timestamptz not null,
  primary key (account_id, environment, license_id)
);

-- The latest statement of each kind, as it is published.
create table signing.statements (
  account_id uuid not null,
  environment text not null check (environment in ('test', 'live')),
  kind text not null check (kind in ('keyset', 'succession', 'revocations')),
  number bigint not null check (number > 0),
  -- What it says, to tell whether it says so still.
  content_sha256 bytea not null check (octet_length(content_sha256) = 32),
  -- The keys that it names.
  key_ids text[] not null,
  text text not null,
  issued_at timestamptz not null,
  primary key (account_id, environment, kind),
  foreign key (account_id, environment) references signing.keysets
);

do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['keysets', 'keys', 'license_files', 'license_standings', 'statements']
  loop
    execute format('alter table signing.%I enable row level security', table_name);
    execute format('alter table signing.%I force row level security', table_name);
    execute format(
      'create policy tenant on signing.%I to latchkey_signing
         using (account_id = nullif(current_setting(''latchkey.account_id'', true), '''')::uuid
           and environment = current_setting(''latchkey.environment'', true))',
      table_name);
    execute format('grant select, insert on signing.%I to latchkey_signing', table_name);
  end loop;
end
$tenancy$;

alter table signing.data_keys enable row level security;
alter table signing.data_keys force row level security;
create policy tenant on signing.data_keys to latchkey_signing
  using (account_id = nullif(current_setting('latchkey.account_id', true), '')::uuid);
grant select, insert on signing.data_keys to latchkey_signing;

grant update (last_serial, last_number, root_public_key, root_created_at) on signing.keysets to latchkey_signing;
grant update (sealed_seed, activates_at, retired_at, revoked_at) on signing.keys to latchkey_signing;
grant update (revoked_at, revoked_with_license) on signing.license_files to latchkey_signing;
grant update (sequence, is_barred, noted_at) on signing.license_standings to latchkey_signing;
grant update (number, content_sha256, key_ids, text, issued_at), delete on signing.statements to latchkey_signing;
