-- The hash of a request is sealed with its answer from here on. A request may be nothing but a password or a code, which
-- whoever has the database would find by its hash, so the hashes that are there go, and with them their answers: nobody can
-- tell any more which request they are for. They would be forgotten after 24 hours. The owner of a table that forces
-- row-level security sees no row of it.
alter table changes.idempotent_answers no force row level security;
delete from changes.idempotent_answers;
alter table changes.idempotent_answers force row level security;
alter table changes.idempotent_answers drop column request_hash;
