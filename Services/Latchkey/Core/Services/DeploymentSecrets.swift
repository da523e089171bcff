internal import Cryptography
internal import Faults
internal import Primitives

/// The passwords and master keys of a deployment.
///
/// They are made once; without them the database is of no use, so with a database present nothing
/// is made anew.
enum DeploymentSecrets {
  /// The roles that have a password.
  static let roles =
    [PostgresCluster.administrator, ServicePlan.migratorRole]
    + ServiceName.allCases.compactMap(\.databaseRole)

  /// 192 bits; as hex they need no quoting anywhere.
  private static let passwordBytes = 24

  /// Makes what is missing.
  ///
  /// - Returns: What was done, in a word.
  /// - Throws: ``Fault`` `dataLoss` when something is missing although there is a database.
  static func prepare(_ directory: DataDirectory) throws(Fault) -> String {
    let missing = (roles.map { directory.password(of: $0) } + [directory.masterKeys])
      .filter { !Files.exists($0) }
    guard missing.isEmpty || !directory.hasDatabase else {
      throw Fault(
        .dataLoss,
        "\(directory.path) is damaged: \(missing[0]) is missing; restore it from a backup,"
          + " or start anew with another --data-dir"
      )
    }
    for path in missing where path != directory.masterKeys {
      try Files.write(Hex.encode(SecureRandom.bytes(passwordBytes)) + "\n", to: path)
    }
    if missing.contains(directory.masterKeys) {
      _ = try MasterKeys.generate(path: directory.masterKeys)
    }
    return missing.isEmpty ? "kept" : "made"
  }
}
