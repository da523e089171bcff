public import Postgres
internal import Sealing

extension Keys {
  /// The steps that make the schema of keys.
  ///
  /// One that was released is never edited: what comes later is a new one.
  public nonisolated static let migrations = [
    Migration(name: "m0001_accounts", bytes: PackageResources.m0001_accounts_sql),
    Migration(name: "m0002_api_keys", bytes: PackageResources.m0002_api_keys_sql),
    Migration(
      name: "m0003_api_key_lifecycle",
      bytes: PackageResources.m0003_api_key_lifecycle_sql
    ),
    Migration(name: "m0004_users", bytes: PackageResources.m0004_users_sql),
    Migration(name: "m0005_sessions", bytes: PackageResources.m0005_sessions_sql),
    Migration(name: "m0006_second_factors", bytes: PackageResources.m0006_second_factors_sql),
    Migration(
      name: "m0007_response_signing_keys",
      bytes: PackageResources.m0007_response_signing_keys_sql
    ),
    Migration(
      name: "m0008_leaked_api_keys",
      bytes: PackageResources.m0008_leaked_api_keys_sql
    ),
    sealingSchema.migration(named: "m0010_sealing"),
    Migration(name: "m0012_user_lookups", bytes: PackageResources.m0012_user_lookups_sql),
    Migration(name: "m0013_link_makers", bytes: PackageResources.m0013_link_makers_sql),
    sealingSchema.floorMigration(named: "m0014_sealing_floor"),
  ]
}
