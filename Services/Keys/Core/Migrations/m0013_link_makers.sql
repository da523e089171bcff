-- Who has made a link for another password: it goes with its maker's say. Of those that are there nobody can tell; they would
-- work for a day at most. The owner of a table that forces row-level security sees no row of it.
alter table keys.password_resets no force row level security;
delete from keys.password_resets;
alter table keys.password_resets force row level security;
alter table keys.password_resets add column created_by uuid not null;
