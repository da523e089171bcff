-- Adds a range of licenses, for benchmarks and tests, without going through the service; used by `load-licenses`,
-- which adds many ranges at once.
--
--   psql CONNINFO -v policy=UUID -v first=1 -v last=100000 -f load-licenses.sql
--
-- Run it as a superuser, who is not held by row-level security. The licenses belong to the given policy, to its
-- product, account and environment. License N, from 1, has the key PREFIX-NNNN-NNNN-NNNN-NNNN with the product's
-- prefix and N in 16 digits, which is canonical: BNC-0000-0000-0000-0001. Running it again adds only what is
-- missing. The keys are found and validated like any; they are not sealed, so nothing can show one or make a license
-- file. All count as validated before, so that a benchmark of validations does not measure first ones.
\set ON_ERROR_STOP on

-- Each row is made from the policy's own, so the foreign keys hold; checking them would take most of the time.
set session_replication_role = replica;
set synchronous_commit = off;
set work_mem = '256MB';

begin;

with range as materialized (
  select
    p.account_id, p.environment, p.product_id, p.id as policy_id, now() as created_at,
    -- UUIDv7: 48 bits of milliseconds, the version, the variant, and the number.
    (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7000'
      || '8' || lpad(to_hex(n), 15, '0'))::uuid as id,
    sha256(convert_to(r.key_prefix || '-' || regexp_replace(
      lpad(n::text, 16, '0'), '(\d{4})(\d{4})(\d{4})(\d{4})', '\1-\2-\3-\4'), 'UTF8')) as hash
  from licenses.policies p
  join licenses.products r on r.account_id = p.account_id and r.environment = p.environment
    and r.id = p.product_id
  cross join generate_series(:first, :last) n
  where p.id = :'policy'
),
-- In the order of the index, which is otherwise read and written all over for each range.
hashes as (
  insert into licenses.license_key_hashes (sha256, account_id, environment, license_id)
  select hash, account_id, environment, id from range order by hash
  on conflict do nothing
  returning license_id
),
added as (
  insert into licenses.licenses (
    account_id, environment, id, product_id, policy_id, status, sealed_file_secret, event_sequence,
    activated_at, created_at, updated_at)
  select account_id, environment, id, product_id, policy_id, 'active', '', 1, created_at, created_at,
    created_at
  from range where id in (select license_id from hashes) order by id
  returning account_id, environment, product_id
)
insert into licenses.product_counts (account_id, environment, product_id, shard, licenses)
select account_id, environment, product_id, (:first % 16)::smallint, count(*) from added group by 1, 2, 3
on conflict (account_id, environment, product_id, shard)
  do update set licenses = product_counts.licenses + excluded.licenses;

commit;
