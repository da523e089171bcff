public import Postgres
internal import Sealing

extension Signing {
  /// The steps that make the schema of signing.
  ///
  /// One that was released is never edited: what comes later is a new one.
  public nonisolated static let migrations = [
    Migration(name: "m0001_signing", bytes: PackageResources.m0001_signing_sql),
    sealingSchema.migration(named: "m0010_sealing"),
    Migration(name: "m0011_forgotten_files", bytes: PackageResources.m0011_forgotten_files_sql),
    sealingSchema.floorMigration(named: "m0013_sealing_floor"),
  ]
}
