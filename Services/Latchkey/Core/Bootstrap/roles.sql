-- The roles of a Latchkey database cluster. Run once by an administrator; running it again changes
-- nothing. Passwords are set separately, so that this file holds no secret.
--
-- latchkey_migrator         owns the schemas and their tables; runs migrations and nothing else
-- latchkey_keys             the keys service
-- latchkey_licenses         the licenses service
-- latchkey_signing          the signing service
-- latchkey_webhooks         the webhooks service
-- latchkey_auditor          reads the audit log of all accounts, for `latchkey audit verify`
-- latchkey_lookup_keys      no login; owns the functions of the schema `keys` that look across accounts
-- latchkey_lookup_licenses  the same for the schema `licenses`
-- latchkey_lookup_signing   the same for the schema `signing`
-- latchkey_lookup_webhooks  the same for the schema `webhooks`
-- latchkey_changes          no login; owns the functions that seal the audit log and forget old answers
--
-- The migrator may hand a function to a look-up role, so it is a member of them; it does not inherit
-- (NOINHERIT), so row-level security shows it no row through their policies.
do $roles$
declare
  role_name text;
begin
  foreach role_name in array array['latchkey_migrator', 'latchkey_keys', 'latchkey_licenses',
    'latchkey_signing', 'latchkey_webhooks', 'latchkey_auditor']
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
      execute format('create role %I', role_name);
    end if;
    execute format(
      'alter role %I login noinherit nocreatedb nocreaterole', role_name);
  end loop;

  foreach role_name in array array['latchkey_lookup_keys', 'latchkey_lookup_licenses',
    'latchkey_lookup_signing', 'latchkey_lookup_webhooks', 'latchkey_changes']
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = role_name) then
      execute format('create role %I', role_name);
    end if;
    execute format(
      'alter role %I nologin noinherit nocreatedb nocreaterole', role_name);
  end loop;
end
$roles$;

grant latchkey_lookup_keys, latchkey_lookup_licenses, latchkey_lookup_signing,
  latchkey_lookup_webhooks, latchkey_changes to latchkey_migrator;
