public import EventLoop
internal import Faults
internal import Glibc
internal import Logging
internal import ServiceKit

/// `latchkey up`: starts a whole deployment for development, keeps it running, and stops it in order.
@EventLoop
public final class Up {
  /// What the user may choose.
  public struct Options: Sendable {
    /// The folder for all data; nil for the default.
    public var dataDirectory: String?
    /// The port that users call.
    public var port: UInt16
    /// Whether the gateway limits how often a client may call.
    public var areRateLimitsOn: Bool
    /// The file with settings for services; nil where there is none.
    public var settingsFile: String?

    /// Makes options.
    public init(
      dataDirectory: String?,
      port: UInt16,
      areRateLimitsOn: Bool,
      settingsFile: String?
    ) {
      self.dataDirectory = dataDirectory
      self.port = port
      self.areRateLimitsOn = areRateLimitsOn
      self.settingsFile = settingsFile
    }
  }

  /// All parts together may take this long to stop: the services drain, then the database makes a
  /// checkpoint.
  ///
  /// There is room for one service that hangs. Where more do, we end, and all children by themselves with us.
  private static let stopLimit = Duration.seconds(90)

  private let options: Options
  private let console = Console()
  private let lifecycle: Lifecycle
  private var failure: Fault?
  private var lock: DataDirectoryLock?

  /// Makes the command; ``run()`` does it.
  public init(_ options: Options) {
    self.options = options
    // The console tells people what happens; nobody reads a second account of it.
    lifecycle = Lifecycle(
      log: Logger(label: "latchkey") { _ in SwiftLogNoOpLogHandler() },
      stopLimit: Up.stopLimit
    )
  }

  /// Runs until it is told to stop.
  ///
  /// - Returns: The exit status: zero after a stop that was asked for, 1 when the start failed.
  public func run() async -> Int32 {
    let signals = StopSignals { [lifecycle] in lifecycle.requestStop($0) }
    defer { withExtendedLifetime(signals) {} }
    do throws(Fault) {
      try await addParts()
    } catch {
      console.complain(error)
      return 1
    }
    let status = await lifecycle.run()
    if let failure {
      console.complain(failure)
    } else {
      console.say("stopped")
    }
    return status
  }

  /// Checks what must be right before anything is changed, and puts the parts of the start in order.
  private func addParts() async throws(Fault) {
    let settings = try OperatorSettings(
      SettingsReader.processEnvironment(),
      file: options.settingsFile
    )
    let directory = try DataDirectory.chosen(options.dataDirectory)
    let executables = try Executables.find()
    let user = try DatabaseUser.find()
    try directory.prepare()
    lock = try DataDirectoryLock(directory)
    let installation = try PostgresInstallation.find(
      for: directory.hasDatabase ? PostgresInstallation.major(ofCluster: directory.postgres) : nil
    )
    let httpsPort = try FreePorts.https(options.port)
    let rpcPorts = try FreePorts.services(above: httpsPort)
    let metricsPorts = try FreePorts.services(
      above: rpcPorts.values.max() ?? httpsPort,
      besides: Set(rpcPorts.values).union([httpsPort])
    )
    let socketFolder = try SocketFolder(directory)
    let plan = ServicePlan(
      directory: directory,
      executables: executables,
      socketFolder: socketFolder.path,
      httpsPort: httpsPort,
      rpcPorts: rpcPorts,
      metricsPorts: metricsPorts,
      areRateLimitsOn: options.areRateLimitsOn,
      settings: settings
    )
    let deployment = try Deployment(
      plan,
      cluster: PostgresCluster(directory, user: user, installation: installation),
      databaseUser: user,
      console: console
    )

    console.say("Latchkey starts in \(directory.path)")
    if !plan.settings.texts.isEmpty {
      console.say("with " + plan.settings.texts.joined(separator: ", "))
    }
    add("socket folder", start: {}, stop: { socketFolder.remove() })
    add("secrets and certificates", step: deployment.prepareSecrets)
    add("database", step: deployment.startDatabase, stop: deployment.stopDatabase)
    add("migrations", step: deployment.migrate)
    for service in ServiceName.allCases {
      add(
        service.rawValue,
        start: { () async throws(Fault) in try deployment.start(service) },
        stop: { await deployment.stop(service) }
      )
    }
    add("services", step: deployment.waitForServices)
    add("account and API keys", step: deployment.prepareAccount)
    add(
      "instructions",
      start: { () async throws(Fault) in try self.announce(deployment) },
      stop: { self.console.say("stopping ...") }
    )
  }

  private func announce(_ deployment: Deployment) throws(Fault) {
    let environment = try deployment.writeEnvironment()
    console.say(
      Instructions(environment: environment, directory: deployment.plan.directory).text
    )
    console.say("ready")
  }

  /// Adds a part that is shown as a step.
  private func add(
    _ name: String,
    step: @escaping @EventLoop () async throws(Fault) -> String,
    stop: @escaping @EventLoop () async -> Void = {}
  ) {
    add(
      name,
      start: { () async throws(Fault) in try await self.console.step(name, step) },
      stop: stop
    )
  }

  /// Adds a part, and remembers why it did not start.
  private func add(
    _ name: String,
    start: @escaping @EventLoop () async throws(Fault) -> Void,
    stop: @escaping @EventLoop () async -> Void
  ) {
    lifecycle.add(name) { () async throws(Fault) in
      do throws(Fault) {
        try await start()
      } catch {
        if error.code != .cancelled { self.failure = error }
        // What this part has begun is taken back here; parts before it are stopped by the lifecycle.
        await stop()
        throw error
      }
    } stop: {
      await stop()
    }
  }
}
