internal import EventLoop
public import Faults
internal import Glibc
internal import Logging
public import Postgres
internal import Tracing

/// The `main` of every service: settings, logs, signals, then whatever the service is made of.
///
/// ```swift
/// public enum KeysMain {
///   public static func run() -> Never {
///     ServiceMain.run("keys", settings: KeysSettings.self, schemas: [Keys.schema]) {
///       (service, settings) throws(Fault) in
///       let database = try service.addDatabase(settings.database)
///       let keys = Keys(database: database, masterKeys: try .load(path: settings.masterKeysFile))
///       let server = try service.addRPCServer(settings.rpc, trusting: ["gateway"])
///       server.register(keys)
///     }
///   }
/// }
/// ```
public enum ServiceMain {
  /// What a process exits with when its settings are refused: `EX_CONFIG` of `sysexits.h`.
  static let settingsRefused: Int32 = 78
  /// What a process exits with when it was started in a way that does not exist: `EX_USAGE`.
  static let usageRefused: Int32 = 64

  /// Tables that a service uses: what `migrate` brings up to date.
  public struct Schema: Sendable {
    /// The schema's name in the database.
    public let name: String
    /// All its steps, in order.
    public let migrations: [Migration]

    /// Names a schema.
    public init(name: String, migrations: [Migration]) {
      self.name = name
      self.migrations = migrations
    }
  }

  /// Runs the service until it is told to stop; never returns.
  ///
  /// Without words among its arguments the process serves. With `migrate` it brings the database up to date and ends. With
  /// `ready` it asks the process that serves at `LATCHKEY_METRICS_LISTEN` whether it is ready: exit status 0 when it is,
  /// else 1. `--help` lists all settings; `--print-config` checks those of the other arguments and prints them.
  ///
  /// - Parameters:
  ///   - name: The service's name, as logs show it.
  ///   - settings: What the service reads.
  ///   - schemas: The tables that the service uses, in the order of their making; none without a database.
  ///   - assemble: Takes the service's settings and adds its parts, the first to start first.
  public static func run<Own: OwnSettings>(
    _ name: String,
    settings: Own.Type,
    schemas: [Schema] = [],
    _ assemble: @escaping @EventLoop @Sendable (Service, Own) async throws(Fault) -> Void
  ) -> Never {
    let arguments = ServiceArguments(CommandLine.arguments.dropFirst())
    if arguments.wantsHelp {
      let manual = SettingsManual(settings, migrates: !schemas.isEmpty)
      StandardStream.output.write(Array(manual.help(name).utf8))
      exit(0)
    }
    switch arguments.words {
    case []:
      EventLoop.runMain { await serve(name, arguments, assemble) }
    case ["migrate"] where !schemas.isEmpty:
      EventLoop.runMain { await migrate(name, arguments, schemas) }
    case ["ready"]:
      EventLoop.runMain { await askReadiness(arguments) }
    default:
      let modes = schemas.isEmpty ? " [ready]" : " [migrate | ready]"
      say("usage: latchkey-\(name)\(modes) [--SETTING VALUE]...   (see --help)")
      exit(usageRefused)
    }
  }

  @EventLoop
  private static func serve<Own: OwnSettings>(
    _ name: String,
    _ arguments: ServiceArguments,
    _ assemble: @EventLoop (Service, Own) async throws(Fault) -> Void
  ) async -> Int32 {
    let reader = makeReader(arguments)
    let settings = ServiceSettings(reader)
    let log = bootstrapLogs(name, settings)
    let own: Own
    do throws(Fault) {
      own = try Own(reader)
    } catch {
      return refuse(error, log)
    }
    guard !arguments.printsConfiguration else { return printConfiguration(reader) }
    if let settings, settings.workers > 1, settings.worker == nil {
      return await superviseWorkers(name, arguments, settings, reader, log)
    }
    let lifecycle = Lifecycle(log: log)
    let monitoring = makeMonitoring(name, settings, lifecycle, log)
    let tracer = settings?.tracing.map { makeTracer(name, $0, lifecycle, monitoring) }
    let service = Service(
      name: name,
      log: log,
      lifecycle: lifecycle,
      monitoring: monitoring,
      tracer: tracer,
      workers: settings?.workers ?? 1,
      inherited: settings?.worker?.listeners
    )
    let signals = StopSignals(hangUp: service.reload) { lifecycle.requestStop($0) }
    if let lifeline = settings?.lifelineDescriptor {
      signals.watchLifeline(descriptor: lifeline) {
        // Parts drain one after the other, and nobody waits for that: whoever starts the service anew needs its ports now.
        service.stopListening()
        lifecycle.requestStop($0)
      }
    }
    defer { withExtendedLifetime(signals) {} }
    do throws(Fault) {
      try await assemble(service, own)
    } catch {
      return refuse(error, log)
    }
    log.info("starting", metadata: reader.values.mapValues { Logger.MetadataValue.string($0) })
    return await lifecycle.run()
  }

  /// Adds the part that is there before all others and after them.
  @EventLoop
  private static func makeMonitoring(
    _ name: String,
    _ settings: ServiceSettings?,
    _ lifecycle: Lifecycle,
    _ log: Logger
  ) -> Monitoring {
    let monitoring = Monitoring(service: name)
    monitoring.addCondition("it is starting or stopping") { lifecycle.isRunning }
    let server = MonitoringServer(monitoring)
    lifecycle.add("monitoring") { () async throws(Fault) in
      monitoring.start()
      guard let listen = settings?.metricsListen else { return }
      server.start(try await Listener.on(listen, inherited: settings?.worker?.listeners))
      log.info("serving metrics", metadata: ["address": "\(listen)"])
    } stop: {
      await server.stop()
      monitoring.stop()
    }
    return monitoring
  }

  @EventLoop
  private static func makeTracer(
    _ name: String,
    _ settings: TracingSettings,
    _ lifecycle: Lifecycle,
    _ monitoring: Monitoring
  ) -> Tracer {
    let collector = CollectorClient(url: settings.collector, fields: settings.fields)
    let exporter = SpanExporter(service: name, collector: collector)
    let tracer = Tracer(ratio: settings.ratio, exporter: exporter)
    monitoring.addMetrics { tracer.collect(into: &$0) }
    lifecycle.add("traces") {
    } stop: {
      await tracer.stop()
    }
    return tracer
  }

  @EventLoop
  private static func migrate(
    _ name: String,
    _ arguments: ServiceArguments,
    _ schemas: [Schema]
  ) async -> Int32 {
    let reader = makeReader(arguments)
    let settings = ServiceSettings(reader)
    let log = bootstrapLogs(name, settings)
    do throws(Fault) {
      let (_, database) = try reader.require(settings, DatabaseSettings(reader, .migration))
      guard !arguments.printsConfiguration else { return printConfiguration(reader) }
      let configuration = try database.configuration(applicationName: name)
      for schema in schemas {
        let applied = try await Migrator.apply(
          schema.migrations,
          schema: schema.name,
          configuration: configuration
        )
        log.info("migrated", metadata: ["schema": "\(schema.name)", "applied": "\(applied.count)"])
      }
      return 0
    } catch {
      return refuse(error, log)
    }
  }

  /// Asks the process that serves, in words for whoever looks at a health check.
  @EventLoop
  private static func askReadiness(_ arguments: ServiceArguments) async -> Int32 {
    guard let endpoint = ServiceSettings(makeReader(arguments))?.metricsListen else {
      say("LATCHKEY_METRICS_LISTEN is not set, or not host:port")
      return settingsRefused
    }
    do throws(Fault) {
      guard let obstacles = try await Readiness.obstacles(at: endpoint) else { return 0 }
      say(obstacles)
      return 1
    } catch {
      say(error.message)
      return 1
    }
  }

  private static func say(_ text: String) {
    StandardStream.error.write(Array("\(text)\n".utf8))
  }

  private static func makeReader(_ arguments: ServiceArguments) -> SettingsReader {
    SettingsReader(
      SettingSources(
        flags: arguments.flags,
        environment: SettingsReader.processEnvironment()
      )
    )
  }

  private static func printConfiguration(_ reader: SettingsReader) -> Int32 {
    StandardStream.output.write(Array(reader.printedConfiguration.utf8))
    return 0
  }

  private static func bootstrapLogs(_ name: String, _ settings: ServiceSettings?) -> Logger {
    LoggingSystem.bootstrap { label in
      var handler = JSONLogHandler(
        service: name,
        label: label,
        level: settings?.logLevel ?? .info
      )
      if let worker = settings?.worker { handler.metadata["worker"] = "\(worker.number)" }
      return handler
    }
    return Logger(label: "service")
  }

  private static func refuse(_ fault: Fault, _ log: Logger) -> Int32 {
    for issue in fault.issues {
      log.critical("\(issue.path.joined(separator: ".")) \(issue.message)")
    }
    log.critical("\(fault.message)", error: fault)
    return fault.code == .invalidArgument ? settingsRefused : 1
  }
}
