-- The signing and the webhooks service make changes too.
grant usage on schema changes to latchkey_signing, latchkey_webhooks;
do $tenancy$
declare
  table_name text;
begin
  foreach table_name in array array['audit_entries', 'audit_unsealed', 'audit_seals',
    'idempotent_answers']
  loop
    execute format(
      'alter policy tenant on changes.%I to latchkey_keys, latchkey_licenses, latchkey_signing, latchkey_webhooks',
      table_name);
  end loop;
end
$tenancy$;
grant select, insert on changes.audit_entries to latchkey_signing, latchkey_webhooks;
grant insert on changes.audit_unsealed to latchkey_signing, latchkey_webhooks;
grant select, insert, update on changes.idempotent_answers to latchkey_signing, latchkey_webhooks;
