internal import ServiceKit

/// Everything that decides how the services of a deployment are started; without any I/O.
struct ServicePlan: Sendable {
  /// The descriptor that a service finds its lifeline at.
  static let lifelineDescriptor = 3
  /// The role that migrations run as.
  static let migratorRole = "latchkey_migrator"
  /// The role of the signing service.
  static let signingRole = "latchkey_signing"
  /// The role that reads the audit log of all accounts.
  static let auditorRole = "latchkey_auditor"
  /// The database's name.
  static let database = "latchkey"

  var directory: DataDirectory
  /// The folder with the executables.
  var executables: String
  /// The folder with the database's socket.
  var socketFolder: String
  /// Where the gateway serves users.
  var httpsPort: UInt16
  /// Where each service is called by the others.
  var rpcPorts: [ServiceName: UInt16]
  /// Where each service tells of itself.
  var metricsPorts: [ServiceName: UInt16]
  var areRateLimitsOn: Bool
  /// What whoever runs `latchkey up` has set for services.
  var settings: OperatorSettings

  /// Where users find everything.
  var url: String { "https://localhost:\(httpsPort)" }

  func executable(of service: ServiceName) -> String {
    "\(executables)/\(service.executable)"
  }

  func address(of service: ServiceName) -> Endpoint {
    Endpoint(host: "127.0.0.1", port: rpcPorts[service] ?? 0)
  }

  func metricsAddress(of service: ServiceName) -> Endpoint {
    Endpoint(host: "127.0.0.1", port: metricsPorts[service] ?? 0)
  }

  /// Where users and operators reach it all.
  var addresses: DeploymentAddresses {
    var addresses = DeploymentAddresses(url: url, rpc: [:], metrics: [:])
    for service in ServiceName.allCases {
      addresses.rpc[service] = address(of: service)
      addresses.metrics[service] = metricsAddress(of: service)
    }
    return addresses
  }

  /// The whole environment of a service that serves.
  func environment(of service: ServiceName) -> [String] {
    let files = directory.tlsFiles(of: service.identity)
    var variables =
      ServicePlan.common + [
        AllocatorTunables.variable,
        "LATCHKEY_LIFELINE_FD=\(ServicePlan.lifelineDescriptor)",
        "LATCHKEY_METRICS_LISTEN=\(metricsAddress(of: service))",
        "LATCHKEY_RPC_LISTEN=\(address(of: service))",
        "LATCHKEY_RPC_CERT_FILE=\(files.identity.certificate)",
        "LATCHKEY_RPC_KEY_FILE=\(files.identity.key)",
        "LATCHKEY_RPC_CA_FILE=\(files.authorities ?? "")",
      ]
    if let role = service.databaseRole {
      variables += [
        "LATCHKEY_DATABASE_URL=\(connection(as: role))",
        "LATCHKEY_DATABASE_PASSWORD_FILE=\(directory.password(of: role))",
      ]
    }
    if let masterKeys = directory.masterKeys(of: service) {
      variables.append("LATCHKEY_MASTER_KEYS_FILE=\(masterKeys)")
    }
    if service == .keys {
      variables.append("LATCHKEY_DASHBOARD_URL=\(url)")
    }
    if service == .keys || service == .licenses {
      variables.append("LATCHKEY_SIGNING_ADDRESS=\(address(of: .signing))")
    }
    if service == .webhooks {
      // Receivers under development listen on the same machine, and seldom with TLS.
      variables += ["LATCHKEY_WEBHOOKS_ALLOW_LOOPBACK=on", "LATCHKEY_WEBHOOKS_ALLOW_HTTP=on"]
    }
    if service == .gateway {
      variables += [
        "LATCHKEY_HTTPS_LISTEN=127.0.0.1:\(httpsPort)",
        "LATCHKEY_TLS_CERT_FILE=\(directory.certificate("https"))",
        "LATCHKEY_TLS_KEY_FILE=\(directory.key("https"))",
        "LATCHKEY_KEYS_ADDRESS=\(address(of: .keys))",
        "LATCHKEY_LICENSES_ADDRESS=\(address(of: .licenses))",
        "LATCHKEY_SIGNING_ADDRESS=\(address(of: .signing))",
        "LATCHKEY_WEBHOOKS_ADDRESS=\(address(of: .webhooks))",
        "LATCHKEY_RATE_LIMITS=\(areRateLimitsOn ? "on" : "off")",
        // It would count for all of the machine's development servers, and most of those have no HTTPS.
        "LATCHKEY_HSTS_SECONDS=0",
      ]
    }
    return variables + settings.variables(of: service)
  }

  /// The whole environment of a service's `migrate`.
  func migrationEnvironment() -> [String] {
    ServicePlan.migrationEnvironment(
      connection: connection(as: ServicePlan.migratorRole),
      files: directory
    )
  }

  /// The whole environment of a service's `migrate`, wherever the database is.
  static func migrationEnvironment(
    connection: String,
    files: any DeploymentFiles
  ) -> [String] {
    common + [
      "LATCHKEY_MIGRATION_DATABASE_URL=\(connection)",
      "LATCHKEY_MIGRATION_DATABASE_PASSWORD_FILE=\(files.password(of: migratorRole))",
    ]
  }

  /// A libpq connection string, without the password.
  func connection(as role: String, database: String = ServicePlan.database) -> String {
    ServicePlan.connection(as: role, database: database, socketFolder: socketFolder)
  }

  /// A libpq connection string to the server whose socket lies in a folder, without the password.
  static func connection(
    as role: String,
    database: String = ServicePlan.database,
    socketFolder: String
  ) -> String {
    // In this form a value in quotes may hold anything, with a backslash before quotes and backslashes.
    let host = socketFolder.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
    return "host='\(host)' port=\(PostgresCluster.port) dbname=\(database) user=\(role)"
      + " sslmode=disable"
  }

  /// Of our own environment nothing is passed on but ``OperatorSettings``: it may hold secrets, and `PG*` variables
  /// would lead a service to another database.
  private static let common = ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC"]
}
