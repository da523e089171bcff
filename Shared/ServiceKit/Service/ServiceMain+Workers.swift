internal import EventLoop
internal import Faults
internal import Glibc
internal import Logging

extension ServiceMain {
  /// The longest that a process of a service takes to stop: the parent of workers, which kills those that hang.
  @EventLoop public static let stopLimit = WorkerGroup.stopLimit + .seconds(3)

  /// Is the parent of so many workers until it is told to stop.
  ///
  /// - Returns: The exit status: that of a worker which refused its settings, else as of a process without workers.
  @EventLoop
  static func superviseWorkers(
    _ name: String,
    _ arguments: ServiceArguments,
    _ settings: ServiceSettings,
    _ reader: SettingsReader,
    _ log: Logger
  ) async -> Int32 {
    let group: WorkerGroup
    do throws(Fault) {
      let plan = workersPlan(name, arguments, settings, reader)
      group = try WorkerGroup(plan, log: log)
    } catch {
      log.critical("\(error.message)", error: error)
      return 1
    }
    let lifecycle = Lifecycle(log: log, stopLimit: stopLimit)
    let monitoring = Monitoring(service: name)
    monitoring.addCondition("it is starting or stopping") { lifecycle.isRunning }
    monitoring.addMetrics { group.collect(into: &$0) }
    let monitor = WorkersMonitor(monitoring) { group.metricsAddresses }
    lifecycle.add("monitoring") { () async throws(Fault) in
      monitoring.start()
      guard let listen = settings.metricsListen else { return }
      monitor.start(try await Listener.on(listen, inherited: nil))
      log.info("serving metrics", metadata: ["address": "\(listen)"])
    } stop: {
      await monitor.stop()
      monitoring.stop()
    }
    var refused: Int32?
    group.onRefusal = { status in
      refused = status
      lifecycle.requestStop("a worker refuses its settings")
    }
    lifecycle.add("workers") { () async throws(Fault) in
      do throws(Fault) {
        try await group.start()
      } catch {
        // Some may run by now.
        await group.stop()
        throw error
      }
    } stop: {
      await group.stop()
    }
    let hangUp: @EventLoop () -> Void = { group.send(signal: SIGHUP) }
    let signals = StopSignals(hangUp: hangUp) { lifecycle.requestStop($0) }
    if let lifeline = settings.lifelineDescriptor {
      signals.watchLifeline(descriptor: lifeline) { lifecycle.requestStop($0) }
    }
    defer { withExtendedLifetime(signals) {} }
    log.info("starting workers", metadata: ["count": "\(settings.workers)"])
    let status = await lifecycle.run()
    return refused ?? status
  }

  /// How workers are started: as this process, with what it binds for them besides.
  @EventLoop
  private static func workersPlan(
    _ name: String,
    _ arguments: ServiceArguments,
    _ settings: ServiceSettings,
    _ reader: SettingsReader
  ) -> WorkerGroup.Plan {
    let called = CommandLine.arguments.first ?? "latchkey-\(name)"
    let made = Setting.flag(of: ServiceSettings.lifelineName)
    var endpoints = reader.listening
    // Only once: what is to be served at the same place besides is refused when it is bound.
    if let metrics = settings.metricsListen, let place = endpoints.firstIndex(of: metrics) {
      endpoints.remove(at: place)
    }
    var environment = SettingsReader.processEnvironment().map { "\($0.key)=\($0.value)" }
    if !environment.contains(where: { $0.hasPrefix("GLIBC_TUNABLES=") }) {
      environment.append(AllocatorTunables.variable)
    }
    return WorkerGroup.Plan(
      count: settings.workers,
      endpoints: endpoints,
      metrics: settings.metricsListen,
      program: called.contains("/") ? called : ownExecutable ?? called,
      name: called,
      arguments: arguments.texts(without: [made]),
      environment: environment
    )
  }

  /// The file that this process runs, for one that was found by `PATH`.
  private static var ownExecutable: String? {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &path, path.count)
    guard count > 0, count < path.count else { return nil }
    return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
