-- License files that ended long ago are forgotten: they count nowhere, and that they were made stays in the audit log.
grant delete on signing.license_files to latchkey_signing;
