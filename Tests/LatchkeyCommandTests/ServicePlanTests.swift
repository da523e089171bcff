import Testing

@testable import LatchkeyCommand
@testable import ServiceKit

extension ServicePlan {
  /// A plan whose every value can be recognised.
  static let example = ServicePlan(
    directory: DataDirectory("/data", isRoot: false, currentDirectory: "/"),
    executables: "/opt/latchkey",
    socketFolder: "/data/run",
    httpsPort: 8443,
    rpcPorts: [
      .keys: 8444, .licenses: 8445, .gateway: 8446, .signing: 8447, .webhooks: 8448,
    ],
    metricsPorts: [
      .keys: 9444, .licenses: 9445, .gateway: 9446, .signing: 9447, .webhooks: 9448,
    ],
    areRateLimitsOn: false,
    settings: OperatorSettings([:])
  )
}

@Suite struct ServicePlanTests {
  private func environment(of service: ServiceName) -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: ServicePlan.example.environment(of: service).map { entry in
        let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), String(parts[1]))
      }
    )
  }

  @Test(arguments: ServiceName.allCases)
  func `each service gets its own identity, a lifeline, and nothing of our environment`(
    service: ServiceName
  ) {
    let environment = environment(of: service)
    #expect(environment["LATCHKEY_RPC_CERT_FILE"] == "/data/certificates/\(service.rawValue).pem")
    #expect(environment["LATCHKEY_RPC_KEY_FILE"] == "/data/certificates/\(service.rawValue).key")
    #expect(environment["LATCHKEY_RPC_CA_FILE"] == "/data/certificates/rpc-ca.pem")
    #expect(environment["LATCHKEY_LIFELINE_FD"] == "3")
    #expect(environment["LATCHKEY_METRICS_LISTEN"]?.hasPrefix("127.0.0.1:944") == true)
    #expect(environment["GLIBC_TUNABLES"]?.contains("glibc.malloc.tcache_count=4096") == true)
    #expect(environment["HOME"] == nil)
  }

  /// The gateway faces the internet: it must have no way to the database and to the master keys.
  @Test func `the gateway gets neither database nor master keys`() {
    let environment = environment(of: .gateway)
    #expect(environment.keys.allSatisfy { !$0.contains("DATABASE") && !$0.contains("MASTER") })
    #expect(environment["LATCHKEY_HTTPS_LISTEN"] == "127.0.0.1:8443")
    #expect(environment["LATCHKEY_KEYS_ADDRESS"] == "127.0.0.1:8444")
    #expect(environment["LATCHKEY_LICENSES_ADDRESS"] == "127.0.0.1:8445")
    #expect(environment["LATCHKEY_SIGNING_ADDRESS"] == "127.0.0.1:8447")
    #expect(environment["LATCHKEY_WEBHOOKS_ADDRESS"] == "127.0.0.1:8448")
    #expect(environment["LATCHKEY_RATE_LIMITS"] == "off")
    #expect(environment["LATCHKEY_HSTS_SECONDS"] == "0")
  }

  @Test func `the keys service knows where users find the dashboard`() {
    #expect(environment(of: .keys)["LATCHKEY_DASHBOARD_URL"] == "https://localhost:8443")
    #expect(environment(of: .licenses)["LATCHKEY_DASHBOARD_URL"] == nil)
  }

  @Test func `each service gets the operator's settings that are its own`() {
    let values = OperatorSettings.names.values.joined().map { ($0, "1") }
    let shell = Dictionary(uniqueKeysWithValues: values).merging([
      "LATCHKEY_LOG_LEVEL": "debug", "LATCHKEY_RPC_LISTEN": "0.0.0.0:1",
      "LATCHKEY_PRODUCTS_MAX": "",
      "LATCHKEY_DATABASE_URL": "host=elsewhere", "PGHOST": "elsewhere", "HOME": "/root",
    ]) { $1 }
    var plan = ServicePlan.example
    plan.settings = OperatorSettings(shell)
    for service in ServiceName.allCases {
      let added = Set(plan.environment(of: service))
        .subtracting(ServicePlan.example.environment(of: service))
      let names = Set(OperatorSettings.names[service] ?? []).subtracting(["LATCHKEY_PRODUCTS_MAX"])
      #expect(added == Set(names.map { "\($0)=1" }).union(["LATCHKEY_LOG_LEVEL=debug"]))
    }
    #expect(plan.settings.texts.contains("LATCHKEY_LICENSES_MAX=1"))
    #expect(!plan.settings.texts.contains { $0.contains("elsewhere") })
  }

  @Test func `what an operator may set are settings of services`() {
    let names = OperatorSettings.names.values.joined() + OperatorSettings.common
    #expect(SettingNames.all.isSuperset(of: names))
  }

  @Test func `a service logs in as its own role, by a string without a password`() {
    let environment = environment(of: .licenses)
    let url = "host='/data/run' port=5432 dbname=latchkey user=latchkey_licenses sslmode=disable"
    #expect(environment["LATCHKEY_DATABASE_URL"] == url)
    #expect(
      environment["LATCHKEY_DATABASE_PASSWORD_FILE"] == "/data/secrets/latchkey_licenses.password"
    )
    #expect(SettingsReader(environment).databaseURL("LATCHKEY_DATABASE_URL", "") != nil)
  }

  /// What seals signing keys must open nothing else, and nothing else it.
  @Test func `the signing service has master keys of its own`() {
    let name = "LATCHKEY_MASTER_KEYS_FILE"
    #expect(environment(of: .signing)[name] == "/data/secrets/signing-master-keys")
    for service in [ServiceName.keys, .licenses] {
      #expect(environment(of: service)[name] == "/data/secrets/master-keys")
      #expect(environment(of: service)["LATCHKEY_SIGNING_ADDRESS"] == "127.0.0.1:8447")
    }
  }

  @Test func `migrations run as the migrator and get nothing else`() {
    let variables = ServicePlan.example.migrationEnvironment()
    #expect(variables.contains { $0.contains("user=latchkey_migrator") })
    #expect(!variables.contains { $0.contains("MASTER") || $0.contains("RPC") })
  }

  @Test func `a socket folder with quotes and blanks stays one value`() {
    var plan = ServicePlan.example
    plan.socketFolder = "/it's a/\\folder"
    #expect(plan.connection(as: "r").hasPrefix("host='/it\\'s a/\\\\folder' port="))
  }
}
