internal import EventLoop
internal import Faults
internal import Postgres
internal import ServiceKit

/// Makes the roles and the database inside a cluster, as its administrator.
///
/// Everything here may be done again at every start: what is there stays.
@EventLoop
struct DatabaseBootstrap {
  /// The database that every cluster has, to connect to before there is one of ours.
  private static let maintenanceDatabase = "postgres"

  private let files: any DeploymentFiles
  private let administrator: Database.Configuration

  /// - Parameters:
  ///   - files: Where the passwords of roles are.
  ///   - administrator: How to connect as an administrator of the cluster; which database it names does not matter.
  init(_ files: any DeploymentFiles, administrator: Database.Configuration) {
    self.files = files
    self.administrator = administrator
  }

  /// Does it.
  ///
  /// - Throws: ``Fault`` when the database refuses a statement or cannot be reached.
  func run() async throws(Fault) {
    let cluster = administrator.with("dbname", DatabaseBootstrap.maintenanceDatabase)
    try await Migrator.run(
      script: DatabaseBootstrap.text(PackageResources.roles_sql),
      configuration: cluster
    )
    try await Migrator.setPasswords(passwords(), configuration: cluster)
    do throws(Fault) {
      // Alone in its script, since a database cannot be made inside a transaction.
      try await Migrator.run(
        script: "create database \(ServicePlan.database)",
        configuration: cluster
      )
    } catch {
      guard error.serverError?.state == SQLState("42P04") else { throw error }
    }
    try await Migrator.run(
      script: DatabaseBootstrap.text(PackageResources.database_sql),
      configuration: administrator.with("dbname", ServicePlan.database)
    )
  }

  /// Every role's password, as its file says; the administrator's own is not ours to set.
  private func passwords() throws(Fault) -> [(role: String, password: String)] {
    var passwords: [(role: String, password: String)] = []
    for role in DeploymentSecrets.roles where role != PostgresCluster.administrator {
      passwords.append((role, try SettingsFile.readLine(files.password(of: role))))
    }
    return passwords
  }

  private static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
}
