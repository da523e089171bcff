-- Not only licenses have events: API keys that expire soon or leaked have them too, from the keys service.
grant usage on schema events to latchkey_keys;
grant insert on events.outbox to latchkey_keys;
alter policy produce on events.outbox to latchkey_licenses, latchkey_keys;
