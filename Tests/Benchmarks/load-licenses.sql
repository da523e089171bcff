-- Adds many licenses at once, for benchmarks and tests, without going through the service.
--
--   psql CONNINFO -v policy=UUID -v count=100000 -f load-licenses.sql
--
-- Run it as a superuser, who is not held by row-level security. The licenses belong to the given policy, to its
-- product, account and environment. License N, from 1, has the key BNC-NNNN-NNNN-NNNN-NNNN with N in 16
-- digits, which is canonical: BNC-0000-0000-0000-0001. Running it again adds only what is missing. The keys are
-- found and validated like any; they are not sealed, so nothing can show one or make a license file.
\set ON_ERROR_STOP on

begin;

create temporary table batch on commit drop as
select
  p.account_id, p.environment, p.product_id, p.id as policy_id, now() as created_at,
  -- UUIDv7: 48 bits of milliseconds, the version, the variant, and the number.
  (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7000'
    || '8' || lpad(to_hex(n), 15, '0'))::uuid as id,
  sha256(convert_to('BNC-' || regexp_replace(
    lpad(n::text, 16, '0'), '(\d{4})(\d{4})(\d{4})(\d{4})', '\1-\2-\3-\4'), 'UTF8')) as hash
from licenses.policies p, generate_series(1, :count) n
where p.id = :'policy';

delete from batch b using licenses.license_key_hashes h where h.sha256 = b.hash;

insert into licenses.licenses (
  account_id, environment, id, product_id, policy_id, status, sealed_file_secret, event_sequence,
  created_at, updated_at)
select account_id, environment, id, product_id, policy_id, 'active', '', 1, created_at, created_at
from batch;

insert into licenses.license_key_hashes (sha256, account_id, environment, license_id)
select hash, account_id, environment, id from batch;

insert into licenses.product_counts (account_id, environment, product_id, shard, licenses)
select account_id, environment, product_id, 0, count(*) from batch group by 1, 2, 3
on conflict (account_id, environment, product_id, shard)
  do update set licenses = product_counts.licenses + excluded.licenses;

commit;

analyze licenses.licenses;
analyze licenses.license_key_hashes;
