public import Postgres

/// Where a service keeps its data keys, and what its schema needs so that they can be looked after.
///
/// The service logs in as `latchkey_<schema>`; functions that look across accounts belong to
/// `latchkey_lookup_<schema>`.
public struct SealingSchema: Sendable {
  /// The schema's name.
  public let name: String

  /// Names a schema.
  ///
  /// - Precondition: The name is a fixed identifier in lower case.
  public init(_ name: String) {
    precondition(
      name.utf8.allSatisfy { (97...122).contains($0) || $0 == 95 } && !name.isEmpty,
      "A schema's name is not an identifier"
    )
    self.name = name
  }

  /// The step of the schema's migrations that adds what is needed to its table of data keys; its name orders it among
  /// the schema's others.
  public func migration(named migration: String) -> Migration {
    step(migration, PackageResources.sealing_sql)
  }

  /// The step that has the schema remember the least master key that may wrap, also while it has no data key.
  public func floorMigration(named migration: String) -> Migration {
    step(migration, PackageResources.sealing_floor_sql)
  }

  private func step(_ migration: String, _ template: [UInt8]) -> Migration {
    let sql = String(decoding: template, as: UTF8.self)
      .replacing("{schema}", with: name)
      .replacing("{service}", with: "latchkey_\(name)")
      .replacing("{lookup}", with: "latchkey_lookup_\(name)")
    return Migration(name: migration, sql: sql)
  }
}
