public import Postgres

extension Changes {
  /// The steps that make the schema `changes`, which every service with a database shares: whichever is migrated
  /// first makes it.
  ///
  /// One that was released is never edited: what comes later is a new one.
  public nonisolated static let migrations = [
    Migration(name: "m0001_changes", bytes: PackageResources.m0001_changes_sql),
    Migration(
      name: "m0002_signing_and_webhooks",
      bytes: PackageResources.m0002_signing_and_webhooks_sql
    ),
    Migration(name: "m0010_sealed_answers", bytes: PackageResources.m0010_sealed_answers_sql),
    Migration(
      name: "m0013_sealed_request_hashes",
      bytes: PackageResources.m0013_sealed_request_hashes_sql
    ),
  ]
  /// The schema's name.
  public nonisolated static let schemaName = "changes"
}
