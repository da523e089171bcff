-- The look-up follows the index that has its order. Where most licenses never expire, so that few are in that index, the
-- server takes reading and sorting all active licenses for cheaper, which the sweeper would have it do every second.
--
-- The function is that role's.
set local role latchkey_lookup_licenses;
alter function licenses.due_licenses(timestamptz, integer) set enable_sort = off;
reset role;
