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

  private let plan: ServicePlan

  init(_ plan: ServicePlan) { self.plan = plan }

  /// Does it.
  ///
  /// - Throws: ``Fault`` when the database refuses a statement or cannot be reached.
  func run() async throws(Fault) {
    let cluster = try configuration(DatabaseBootstrap.maintenanceDatabase)
    try await Migrator.run(
      script: DatabaseBootstrap.text(PackageResources.roles_sql) + passwords(),
      configuration: cluster
    )
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
      configuration: try configuration(ServicePlan.database)
    )
  }

  /// Sets every role's password to what its file says.
  ///
  /// They are hex, so they need no escaping.
  private func passwords() throws(Fault) -> String {
    var statements = "\n"
    for role in DeploymentSecrets.roles where role != PostgresCluster.administrator {
      let password = try SettingsFile.readLine(plan.directory.password(of: role))
      guard password.utf8.allSatisfy({ UnicodeScalar($0).properties.isASCIIHexDigit }) else {
        throw Fault(.dataLoss, "\(plan.directory.password(of: role)) is damaged")
      }
      statements += "alter role \(role) password '\(password)';\n"
    }
    return statements
  }

  private func configuration(_ database: String) throws(Fault) -> Database.Configuration {
    let administrator = PostgresCluster.administrator
    return try Database.Configuration(
      conninfo: plan.connection(as: administrator, database: database),
      password: SettingsFile.readLine(plan.directory.password(of: administrator))
    )
  }

  private static func text(_ bytes: [UInt8]) -> String {
    String(decoding: bytes, as: UTF8.self)
  }
}
