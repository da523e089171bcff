public import Postgres
internal import Sealing

extension Licenses {
  /// The steps that make the schema of licenses.
  ///
  /// One that was released is never edited: what comes later is a new one.
  public nonisolated static let migrations = [
    Migration(name: "m0001_catalogue", bytes: PackageResources.m0001_catalogue_sql),
    Migration(name: "m0002_licenses", bytes: PackageResources.m0002_licenses_sql),
    Migration(name: "m0003_outbox", bytes: PackageResources.m0003_outbox_sql),
    Migration(name: "m0004_domain", bytes: PackageResources.m0004_domain_sql),
    Migration(name: "m0006_licensing", bytes: PackageResources.m0006_licensing_sql),
    Migration(name: "m0007_machines", bytes: PackageResources.m0007_machines_sql),
    Migration(name: "m0008_key_storage", bytes: PackageResources.m0008_key_storage_sql),
    Migration(
      name: "m0009_event_producers",
      bytes: PackageResources.m0009_event_producers_sql
    ),
    sealingSchema.migration(named: "m0010_sealing"),
    Migration(name: "m0011_webhooks", bytes: PackageResources.m0011_webhooks_sql),
    Migration(name: "m0012_license_files", bytes: PackageResources.m0012_license_files_sql),
    sealingSchema.floorMigration(named: "m0013_sealing_floor"),
    Migration(name: "m0014_due_licenses", bytes: PackageResources.m0014_due_licenses_sql),
  ]
}
