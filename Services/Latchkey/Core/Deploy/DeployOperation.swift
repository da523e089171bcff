public import EventLoop
internal import Faults
internal import Logging
internal import Postgres
internal import ServiceKit

/// `latchkey deploy`: what a deployment needs beside its services, where each of them has a container and volumes of its
/// own.
///
/// What the files are and how they are made is the same as for `latchkey up`; only where they lie is another.
@EventLoop
public enum DeployOperation {
  /// Where the volumes are, and how users call it all.
  public struct Place: Sendable {
    /// The folder that all volumes are mounted in.
    public var volumes: String
    /// Where users find the gateway, such as `https://licensing.example.com`.
    public var url: String

    /// Names a place.
    public init(volumes: String, url: String) {
      self.volumes = volumes
      self.url = url
    }
  }

  /// How to reach the database as somebody who may make roles and databases.
  public struct Administrator: Sendable {
    /// The server: a libpq connection string without user, database and password.
    public var server: String
    /// The role.
    public var name: String
    /// The file with its password; nil for the one that was made with the other secrets.
    public var passwordFile: String?

    /// Names an administrator.
    public init(server: String, name: String, passwordFile: String?) {
      self.server = server
      self.name = name
      self.passwordFile = passwordFile
    }
  }

  /// What is done.
  public enum Deed: Sendable {
    /// Makes the secrets and certificates that are missing.
    case setUp
    /// Renews certificates in time, until it is told to stop.
    case renew
    /// Makes the roles and the database, and brings the schemas up to date.
    case migrate(Administrator)
    /// Makes the first account, and prints its API keys, unless they were forgotten.
    case account
    /// Drops the first account's API keys here, for good; they stay valid.
    case forgetKeys
    /// Prints the authority of the certificate that users see.
    case authority

    /// Whether a container does it by itself, so that what is said of it stands among what services log.
    fileprivate var isLogged: Bool {
      switch self {
      case .setUp, .renew, .migrate: true
      case .account, .forgetKeys, .authority: false
      }
    }
  }

  /// The ports that services have in containers, each with an address of its own.
  private static let rpcPort: UInt16 = 8444
  private static let metricsPort: UInt16 = 9464

  /// Does it.
  ///
  /// - Returns: The exit status: zero when all was done as asked.
  public static func run(_ deed: Deed, at place: Place) async -> Int32 {
    let console = Console()
    LoggingSystem.bootstrap { label in
      // To whoever has asked it is the faults that tell what fails.
      guard deed.isLogged else { return SwiftLogNoOpLogHandler() }
      return JSONLogHandler(service: "deploy", label: label, level: .info)
    }
    let log = Logger(label: "deploy")
    do throws(Fault) {
      let volumes = DeploymentVolumes(path: place.volumes, host: try host(of: place.url))
      switch deed {
      case .setUp: try setUp(volumes, log)
      case .renew: return await renew(volumes, log)
      case .migrate(let administrator): try await migrate(volumes, administrator, log)
      case .account: try await makeAccount(volumes, url: place.url, console)
      case .forgetKeys: try forgetKeys(volumes, console)
      case .authority:
        let text = try Files.read(volumes.usersAuthority)
        console.say(text.hasSuffix("\n") ? String(text.dropLast()) : text)
      }
      return 0
    } catch {
      if deed.isLogged {
        log.critical("\(error.message)", error: error)
      } else {
        console.complain(error)
      }
      return 1
    }
  }

  private static func host(of url: String) throws(Fault) -> String {
    let prefix = "https://"
    let address = String(url.dropFirst(prefix.count))
    guard url.hasPrefix(prefix),
      let endpoint = Endpoint(address) ?? Endpoint("\(address):443")
    else {
      throw Fault(.invalidArgument, "The URL is not https://host or https://host:port: \(url)")
    }
    return endpoint.host
  }

  private static func setUp(_ volumes: DeploymentVolumes, _ log: Logger) throws(Fault) {
    try volumes.check()
    let secrets = try DeploymentSecrets.prepare(volumes)
    let made = try DeploymentCertificates.prepare(volumes)
    try volumes.copyAuthorities()
    try volumes.copySecrets()
    try volumes.complete()
    log.info("secrets are there", metadata: ["state": "\(secrets)"])
    log.info("certificates are there", metadata: ["made": "\(made.joined(separator: ","))"])
  }

  private static func renew(_ volumes: DeploymentVolumes, _ log: Logger) async -> Int32 {
    let lifecycle = Lifecycle(log: log)
    let signals = StopSignals { [lifecycle] in lifecycle.requestStop($0) }
    defer { withExtendedLifetime(signals) {} }
    let renewal = CertificateRenewal { () throws(Fault) in
      let renewed = try DeploymentCertificates.prepare(volumes)
      try volumes.copyAuthorities()
      return renewed
    } tell: { outcome in
      switch outcome {
      case .success(let names):
        log.info("renewed certificates", metadata: ["names": "\(names.joined(separator: ","))"])
      case .failure(let fault):
        log.error("certificates could not be renewed", error: fault)
      }
    }
    lifecycle.add("renewal") {
      renewal.start()
    } stop: {
      renewal.stop()
    }
    return await lifecycle.run()
  }

  private static func migrate(
    _ volumes: DeploymentVolumes,
    _ administrator: Administrator,
    _ log: Logger
  ) async throws(Fault) {
    let conninfo = "\(administrator.server) user=\(administrator.name)"
    guard ConnectionString.isSafe(conninfo) else {
      throw Fault(.invalidArgument, "--server is not \(ConnectionString.safeForm)")
    }
    let executables = try Executables.find()
    let password = administrator.passwordFile ?? volumes.password(of: PostgresCluster.administrator)
    let configuration = try Database.Configuration(
      conninfo: conninfo,
      password: SettingsFile.readLine(password)
    )
    try await DatabaseBootstrap(volumes, administrator: configuration).run()
    log.info("the roles and the database are there")
    let environment = ServicePlan.migrationEnvironment(
      connection: "\(administrator.server) dbname=\(ServicePlan.database)"
        + " user=\(ServicePlan.migratorRole)",
      files: volumes
    )
    for service in ServiceName.allCases where service.databaseRole != nil {
      let child = try ChildProcess(
        ChildProcess.Configuration(
          program: "\(executables)/\(service.executable)",
          arguments: ["migrate"],
          environment: environment
        )
      )
      let exit = await child.waitForExit()
      guard exit.isSuccess else {
        throw Fault(
          .failedPrecondition,
          "Migrating the database of \(service.rawValue) failed (\(exit)); see above"
        )
      }
    }
    log.info("the schemas are up to date")
  }

  private static func makeAccount(
    _ volumes: DeploymentVolumes,
    url: String,
    _ console: Console
  ) async throws(Fault) {
    var addresses = DeploymentAddresses(url: url, rpc: [:], metrics: [:])
    for service in ServiceName.allCases {
      addresses.rpc[service] = Endpoint(host: service.rawValue, port: rpcPort)
      addresses.metrics[service] = Endpoint(host: service.rawValue, port: metricsPort)
    }
    var credentials: FirstAccount.Credentials?
    if Files.exists(volumes.forgottenKeys) {
      console.note("The API keys of the first account are not kept here any more.")
    } else {
      let peers = try OperatorChannels(addresses, volumes)
      defer { peers.close() }
      let account = FirstAccount(volumes, name: "Main", channel: peers.channel(to: .keys))
      credentials = try await account.prepare().0
    }
    var environment = DeploymentEnvironment.make(addresses, volumes, credentials)
    for service in ServiceName.allCases {
      guard let name = service.masterKeysVariables.first else { continue }
      environment[name] = volumes.masterKeys(of: service)
    }
    try Files.write(DataDirectory.layout, to: volumes.operatorDirectory.marker)
    try Files.write(environment.text, to: volumes.environmentFile)
    // What programs on other machines need.
    for name in ["LATCHKEY_URL"] + keys {
      guard let value = environment[name] else { continue }
      console.say(SettingVariable.line(name, value))
    }
  }

  private static func forgetKeys(_ volumes: DeploymentVolumes, _ console: Console) throws(Fault) {
    guard Files.exists(volumes.environmentFile) else {
      throw Fault(.failedPrecondition, "There is no account yet whose API keys could be forgotten")
    }
    // Before the keys go: however this ends, none are made in their place.
    try Files.write("They were printed once, and dropped.\n", to: volumes.forgottenKeys)
    var environment = DevEnvironment(text: try Files.read(volumes.environmentFile))
    for name in keys { environment[name] = nil }
    try Files.write(environment.text, to: volumes.environmentFile)
    console.say("The API keys are dropped here, and valid until they are revoked.")
  }

  /// The account's keys, as the environment calls them.
  private static let keys = [
    "LATCHKEY_TEST_API_KEY", "LATCHKEY_LIVE_API_KEY", "LATCHKEY_SIGNING_KEY",
  ]
}
