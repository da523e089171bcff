internal import Cryptography
internal import Faults
internal import Primitives

/// The passwords and master keys of a deployment.
///
/// They are made once. The passwords of Latchkey's own roles are set at every start, so one that is missing is made
/// anew; without the administrator's and the master keys a database is of no use. A deployment from before there was a
/// signing service has neither its password nor its master keys.
enum DeploymentSecrets {
  /// The roles that have a password.
  static let roles =
    [PostgresCluster.administrator, ServicePlan.migratorRole, ServicePlan.auditorRole]
    + ServiceName.allCases.compactMap(\.databaseRole)

  /// 192 bits; as hex they need no quoting anywhere.
  private static let passwordBytes = 24

  /// Makes what is missing.
  ///
  /// - Returns: What was done, in a word.
  /// - Throws: ``Fault`` `dataLoss` when something is missing although there is a database.
  static func prepare(_ files: any DeploymentFiles) throws(Fault) -> String {
    let masterKeys = files.allMasterKeys
    for path in masterKeys where !Files.exists(path) {
      // As they were named before, for a format that they do not have.
      try Files.move("\(path).json", to: path)
    }
    let missing = (roles.map { files.password(of: $0) } + masterKeys)
      .filter { !Files.exists($0) }
    var irreplaceable = [files.password(of: PostgresCluster.administrator)]
    irreplaceable += masterKeys.filter { $0 != files.masterKeys(of: .signing) }
    if !missing.contains(files.password(of: ServicePlan.signingRole)) {
      irreplaceable += masterKeys.filter { $0 == files.masterKeys(of: .signing) }
    }
    if files.hasDatabase, let lost = missing.first(where: irreplaceable.contains) {
      throw Fault(
        .dataLoss,
        "\(files.path) is damaged: \(lost) is missing; restore it from a backup,"
          + " or start anew in another place"
      )
    }
    // The master keys come first: a password that is there says that they were made.
    for path in masterKeys where missing.contains(path) {
      _ = try MasterKeys.generate(path: path)
    }
    for path in missing where !masterKeys.contains(path) {
      try Files.write(Hex.encode(SecureRandom.bytes(passwordBytes)) + "\n", to: path)
    }
    return missing.isEmpty ? "kept" : "made"
  }
}
