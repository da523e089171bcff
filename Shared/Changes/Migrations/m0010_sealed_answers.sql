-- Whose data keys have sealed an answer: the role of the service that keeps it, so that each seals its own anew when
-- keys are rotated. An id leads to the answer, and orders answers, within a tenant.
--
-- Of the answers that are there nobody can tell any more whose they are. They are forgotten, as they would be after 24
-- hours. The owner of a table that forces row-level security sees no row of it.
alter table changes.idempotent_answers no force row level security;
delete from changes.idempotent_answers;
alter table changes.idempotent_answers force row level security;
alter table changes.idempotent_answers add column sealed_by text not null default current_user;
create unique index idempotent_answers_id on changes.idempotent_answers (account_id, environment, id);
