internal import EventLoop
public import Faults
internal import Glibc
internal import Logging
public import Postgres

/// The `main` of every service: settings, logs, signals, then whatever the service is made of.
///
/// ```swift
/// @main enum Main {
///   static func main() {
///     ServiceMain.run("keys", schemas: [Keys.schema]) { (service) throws(Fault) in
///       let settings = try KeysSettings(service.settings)
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
  /// Without arguments the process serves. With `migrate` it brings the database up to date and ends.
  ///
  /// - Parameters:
  ///   - name: The service's name, as logs show it.
  ///   - schemas: The tables that the service uses, in the order of their making; none without a database.
  ///   - assemble: Reads the service's settings and adds its parts, the first to start first.
  public static func run(
    _ name: String,
    schemas: [Schema] = [],
    _ assemble: @escaping @EventLoop @Sendable (Service) async throws(Fault) -> Void
  ) -> Never {
    switch CommandLine.arguments.dropFirst().first {
    case nil:
      EventLoop.runMain { await serve(name, assemble) }
    case "migrate" where CommandLine.arguments.count == 2 && !schemas.isEmpty:
      EventLoop.runMain { await migrate(name, schemas) }
    default:
      let modes = schemas.isEmpty ? "" : " [migrate]"
      JSONLogHandler.writeToStandardError(
        Array("usage: latchkey-\(name)\(modes)   (settings are LATCHKEY_* variables)\n".utf8)
      )
      exit(usageRefused)
    }
  }

  @EventLoop
  private static func serve(
    _ name: String,
    _ assemble: @EventLoop (Service) async throws(Fault) -> Void
  ) async -> Int32 {
    let reader = SettingsReader(
      SettingsReader.processEnvironment(),
      alsoKnown: SettingNames.migration
    )
    let settings = ServiceSettings(reader)
    let log = bootstrapLogs(name, level: settings?.logLevel)
    let lifecycle = Lifecycle(log: log)
    let service = Service(name: name, settings: reader, log: log, lifecycle: lifecycle)
    let signals = StopSignals(hangUp: service.reload) { lifecycle.requestStop($0) }
    if let lifeline = settings?.lifelineDescriptor {
      signals.watchLifeline(descriptor: lifeline) { lifecycle.requestStop($0) }
    }
    defer { withExtendedLifetime(signals) {} }
    do throws(Fault) {
      try await assemble(service)
    } catch {
      return refuse(error, log)
    }
    log.info("starting", metadata: shown(reader))
    return await lifecycle.run()
  }

  @EventLoop
  private static func migrate(_ name: String, _ schemas: [Schema]) async -> Int32 {
    let reader = SettingsReader(
      SettingsReader.processEnvironment(),
      alsoKnown: SettingNames.serving
    )
    let settings = ServiceSettings(reader)
    let log = bootstrapLogs(name, level: settings?.logLevel)
    do throws(Fault) {
      let (_, database) = try reader.require(settings, DatabaseSettings(reader, .migration))
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

  private static func bootstrapLogs(_ name: String, level: Logger.Level?) -> Logger {
    LoggingSystem.bootstrap { label in
      JSONLogHandler(service: name, label: label, level: level ?? .info)
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

  private static func shown(_ reader: SettingsReader) -> Logger.Metadata {
    Dictionary(reader.summary.map { ($0.name, .string($0.value)) }) { _, last in last }
  }
}
