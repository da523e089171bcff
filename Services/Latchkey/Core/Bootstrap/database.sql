-- Who may enter the database this is run in, and who may make schemas there. Run once by an
-- administrator inside Latchkey's database, after roles.sql; running it again changes nothing.
do $database$
begin
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect, create on database %I to latchkey_migrator', current_database());
  execute format(
    'grant connect on database %I to latchkey_keys, latchkey_licenses, latchkey_signing,
      latchkey_webhooks, latchkey_auditor',
    current_database());
end
$database$;

revoke all on schema public from public;
