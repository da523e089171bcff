internal import EventLoop
internal import Faults
internal import Glibc
internal import Postgres
internal import ServiceKit

/// The processes of one deployment, and the steps that bring them up.
@EventLoop
final class Deployment {
  /// A service ends by itself before it is killed, even where its workers hang.
  private static let stopLimit = ServiceMain.stopLimit + .seconds(1)

  let plan: ServicePlan
  private let cluster: PostgresCluster
  private let databaseUser: DatabaseUser
  private let console: Console
  private let lifeline: Lifeline
  private var postgres: SupervisedProcess?
  private var services: [ServiceName: SupervisedProcess] = [:]
  private var logs: [ServiceName: LogFile] = [:]
  private let renewal: CertificateRenewal
  private var environment = DevEnvironment()
  /// Whether the start is over.
  ///
  /// Until then what ends is told by the step that waits for it.
  private var isUp = false

  /// - Throws: ``Fault`` `unavailable` when no pipe can be made.
  init(
    _ plan: ServicePlan,
    cluster: PostgresCluster,
    databaseUser: DatabaseUser,
    console: Console
  ) throws(Fault) {
    self.plan = plan
    self.cluster = cluster
    self.databaseUser = databaseUser
    self.console = console
    lifeline = try Lifeline()
    renewal = CertificateRenewal { [directory = plan.directory] () throws(Fault) in
      try DeploymentCertificates.prepare(directory)
    } tell: { outcome in
      switch outcome {
      case .success(let names):
        console.say("renewed certificates: \(names.joined(separator: ", "))")
      case .failure(let fault):
        console.say("certificates could not be renewed: \(fault.message)")
      }
    }
  }

  private var directory: DataDirectory { plan.directory }

  // MARK: Steps, in order

  func prepareSecrets() throws(Fault) -> String {
    try Files.makeDirectory(directory.run)
    try Files.give(directory.run, to: databaseUser)
    let secrets = try DeploymentSecrets.prepare(directory)
    let renewed = try DeploymentCertificates.prepare(directory)
    renewal.start()
    return secrets == "kept" && !renewed.isEmpty
      ? "renewed \(renewed.joined(separator: ", "))" : secrets
  }

  func startDatabase() async throws(Fault) -> String {
    let isNew = !directory.hasDatabase
    if isNew {
      let password = try SettingsFile.readLine(
        directory.password(of: PostgresCluster.administrator)
      )
      try await cluster.make(password: password)
    } else {
      try await Postmaster.stopLeftOver(in: directory.postgres)
    }
    let process = SupervisedProcess(try cluster.server()) { [unowned self] in report($0) }
    postgres = process
    try process.start()
    let cluster = directory.postgres
    // A server that was killed leaves shared memory that its last children still hold for a moment.
    try await process.waitUntilReady(log: directory.log(of: "postgres"), exitsMax: 5) { process in
      guard let postmaster = Postmaster.read(cluster) else { return false }
      return postmaster.isReady && postmaster.id == process.id
    }
    try await DatabaseBootstrap(directory, administrator: administrator()).run()
    return isNew ? "made" : "started"
  }

  private func administrator() throws(Fault) -> Database.Configuration {
    try Database.Configuration(
      conninfo: plan.connection(as: PostgresCluster.administrator),
      password: SettingsFile.readLine(directory.password(of: PostgresCluster.administrator))
    )
  }

  func stopDatabase() async {
    await postgres?.stop()
    postgres = nil
  }

  func migrate() async throws(Fault) -> String {
    for service in ServiceName.allCases where service.databaseRole != nil {
      let log = try LogFile(directory.log(of: service.rawValue))
      try await Command.run(
        "Migrating the database of \(service.rawValue)",
        ChildProcess.Configuration(
          program: plan.executable(of: service),
          arguments: ["migrate"],
          environment: plan.migrationEnvironment(),
          descriptors: [nil, log.descriptor, log.descriptor],
          directory: directory.path,
          isDetached: true
        ),
        log: log.path
      )
    }
    return "applied"
  }

  func start(_ service: ServiceName) throws(Fault) {
    let log = try LogFile(directory.log(of: service.rawValue))
    logs[service] = log
    let process = SupervisedProcess(
      SupervisedProcess.Plan(
        name: service.rawValue,
        configuration: ChildProcess.Configuration(
          program: plan.executable(of: service),
          environment: plan.environment(of: service),
          descriptors: [nil, log.descriptor, log.descriptor, lifeline.reading],
          // So that a list of processes tells which deployment each one belongs to.
          directory: directory.path,
          isDetached: true
        ),
        stopLimit: Deployment.stopLimit
      )
    ) { [unowned self] in report($0) }
    services[service] = process
    try process.start()
  }

  func stop(_ service: ServiceName) async {
    await services.removeValue(forKey: service)?.stop()
    logs[service] = nil
  }

  func waitForServices() async throws(Fault) -> String {
    for service in ServiceName.allCases {
      guard let process = services[service] else { continue }
      let endpoint = plan.metricsAddress(of: service)
      try await process.waitUntilReady(log: directory.log(of: service.rawValue)) { _ in
        do throws(Fault) {
          return try await Readiness.obstacles(at: endpoint) == nil
        } catch {
          return false
        }
      }
    }
    return "healthy"
  }

  func prepareAccount() async throws(Fault) -> String {
    let peers = try OperatorChannels(plan.addresses, directory)
    defer { peers.close() }
    let account = FirstAccount(
      directory,
      name: "Development",
      channel: peers.channel(to: .keys)
    )
    let (credentials, isNew) = try await account.prepare()
    environment = DeploymentEnvironment.make(plan.addresses, directory, credentials)
    return isNew ? "made" : "kept"
  }

  /// Writes `dev.env`.
  func writeEnvironment() throws(Fault) -> DevEnvironment {
    try Files.write(environment.text, to: directory.environmentFile)
    isUp = true
    return environment
  }

  private func report(_ event: String) {
    if isUp { console.say(event) }
  }
}
