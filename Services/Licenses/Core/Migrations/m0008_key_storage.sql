-- A product may do without its licenses' keys: then sealed_key is null, as it is of licenses that were imported by
-- their key's hash and of deleted ones. sealed_file_secret stays, so that offline files can be made all the same.
alter table licenses.products add column store_keys boolean not null default true;
