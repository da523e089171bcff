public import Postgres
internal import Sealing

extension Webhooks {
  /// The steps that make the schema of webhooks.
  ///
  /// One that was released is never edited: what comes later is a new one.
  public nonisolated static let migrations = [
    Migration(name: "m0001_endpoints", bytes: PackageResources.m0001_endpoints_sql),
    sealingSchema.migration(named: "m0002_sealing"),
    Migration(name: "m0003_deliveries", bytes: PackageResources.m0003_deliveries_sql),
    Migration(name: "m0004_queue_depths", bytes: PackageResources.m0004_queue_depths_sql),
    sealingSchema.floorMigration(named: "m0013_sealing_floor"),
    Migration(name: "m0014_claims", bytes: PackageResources.m0014_claims_sql),
    Migration(name: "m0015_bounded_claims", bytes: PackageResources.m0015_bounded_claims_sql),
    Migration(name: "m0016_fair_claims", bytes: PackageResources.m0016_fair_claims_sql),
  ]
}
