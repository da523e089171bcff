internal import EventLoop
internal import Faults
internal import Glibc
internal import Logging
internal import Metrics

/// The parent of a service's workers: it keeps that many processes of this program running, which share the service's
/// ports and work, and serves nothing itself.
///
/// A worker that ends is started again, with a growing pause; one that keeps failing gets no connections between its starts.
/// Signals are for the parent, which passes them on.
@EventLoop
final class WorkerGroup {
  /// How workers are started.
  struct Plan {
    var count: Int
    /// Where the service listens, without its metrics.
    var endpoints: [Endpoint]
    /// Where it tells of itself; nil where it does not.
    var metrics: Endpoint?
    var program: String
    /// What the program is told that it was called.
    var name: String
    /// The settings that are flags, without those that the parent makes.
    var arguments: [String]
    var environment: [String]
  }

  /// A worker ends by itself within ``Lifecycle/stopLimit``.
  static let stopLimit = Lifecycle.stopLimit + .seconds(2)
  /// How often a worker may end without having been well before its connections are given to the others: the pauses
  /// until then are short enough to wait.
  private static let failuresMax = 3
  /// The descriptor that a worker finds its lifeline at.
  private static let lifelineDescriptor = 3

  private let plan: Plan
  private let log: Logger
  private let lifeline: Lifeline
  private let listeners: WorkerListeners
  private var workers: [SupervisedProcess] = []
  /// Called with the exit status of a worker that refuses its settings before any has been well: no other start would do.
  var onRefusal: (@EventLoop (Int32) -> Void)?

  /// Makes a group that is not started.
  ///
  /// - Throws: ``Fault`` `unavailable` when the process has no descriptors left.
  init(_ plan: Plan, log: Logger) throws(Fault) {
    self.plan = plan
    self.log = log
    lifeline = try Lifeline()
    listeners = WorkerListeners(count: plan.count)
  }

  /// Where each worker tells of itself; empty where none does.
  var metricsAddresses: [SocketAddress] { listeners.metricsAddresses }

  /// Binds all ports, and starts the workers.
  ///
  /// - Throws: ``Fault`` `unavailable` when a port is taken or a process cannot be started.
  func start() async throws(Fault) {
    for endpoint in plan.endpoints { try await listeners.bind(endpoint) }
    if let metrics = plan.metrics { try listeners.bindMetrics(metrics) }
    for index in 0..<plan.count {
      let worker = SupervisedProcess(process(index)) { [unowned self] in noteEnd(of: index, $0) }
      workers.append(worker)
      try worker.start()
    }
  }

  /// Lets the workers drain, all at once.
  func stop() async {
    // First, so that nobody waits at a port that is not served any more.
    listeners.close()
    let stops = workers.map { worker in EventLoop.spawn { await worker.stop() } }
    for stop in stops { await stop.value }
  }

  /// Passes a signal on to every worker.
  func send(signal: Int32) {
    for worker in workers { worker.send(signal: signal) }
  }

  private func process(_ index: Int) -> SupervisedProcess.Plan {
    SupervisedProcess.Plan(name: "worker \(index + 1)", stopLimit: Self.stopLimit) {
      [unowned self] () throws(Fault) in
      try configuration(of: index)
    }
  }

  private func configuration(of index: Int) throws(Fault) -> ChildProcess.Configuration {
    try listeners.restore(index)
    let told = [
      "--worker=\(index + 1)",
      "--listeners=\(listeners.told(to: index))",
      "--lifeline-fd=\(Self.lifelineDescriptor)",
    ]
    return ChildProcess.Configuration(
      program: plan.program,
      name: plan.name,
      arguments: plan.arguments + told,
      environment: plan.environment,
      descriptors: [nil, 1, 2, lifeline.reading] + listeners.descriptors(of: index),
      // A terminal's Ctrl-C is for the parent, which then tells them once.
      isDetached: true
    )
  }

  private func noteEnd(of index: Int, _ sentence: String) {
    log.error("\(sentence)")
    if workers[index].failures >= Self.failuresMax { listeners.release(index) }
    guard let exit = workers[index].lastExit, exit.status == Int64(ServiceMain.settingsRefused)
    else { return }
    if workers.contains(where: \.hasBeenWell) {
      // They were good once, so a file is being changed, or was spoilt: that is no reason to end those that serve.
      log.error("\(workers[index].plan.name) refuses settings that were good; the others go on")
    } else {
      onRefusal?(ServiceMain.settingsRefused)
    }
  }

  private static let count = Metric(
    "latchkey_workers",
    .gauge,
    "Processes that share the work of this service on this machine."
  )
  private static let ends = Metric(
    "latchkey_worker_ends_total",
    .counter,
    "How often a worker has ended by itself and was started again."
  )

  /// Tells how many workers there are, and how often one had to be replaced.
  func collect(into exposition: inout Exposition) {
    exposition.add(Self.count, workers.count)
    for (index, worker) in workers.enumerated() {
      exposition.add(Self.ends, ["worker": "\(index + 1)"], worker.exitCount)
    }
  }
}
