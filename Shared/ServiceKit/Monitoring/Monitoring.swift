public import EventLoop
public import Metrics

/// What a process tells of itself: its metrics, whether it lives, and whether it should be given work.
@EventLoop
public final class Monitoring {
  /// How often it is measured how late the loop is.
  private static let lagInterval = Duration.milliseconds(500)

  private let service: String
  private var sources: [@EventLoop (inout Exposition) -> Void] = []
  private var conditions: [(name: String, isMet: @EventLoop () -> Bool)] = []
  private let process = ProcessMetrics()
  private var lag = Histogram(.durations)
  private var loopLag: LoopLag?

  init(service: String) { self.service = service }

  /// Adds something that has metrics; asked at each scrape, so it must only read what is at hand.
  public func addMetrics(_ source: @escaping @EventLoop (inout Exposition) -> Void) {
    sources.append(source)
  }

  /// Adds something that must hold before the process should be given work.
  ///
  /// - Parameters:
  ///   - name: What is missing while it does not hold.
  ///   - isMet: Looks whether it holds.
  public func addCondition(_ name: String, _ isMet: @escaping @EventLoop () -> Bool) {
    conditions.append((name, isMet))
  }

  func start() {
    loopLag = LoopLag(every: Self.lagInterval) { [unowned self] in lag.note($0.nanoseconds) }
  }

  func stop() {
    loopLag?.stop()
    loopLag = nil
  }

  /// What keeps the process from being given work; empty where nothing does.
  var obstacles: [String] {
    conditions.filter { !$0.isMet() }.map(\.name)
  }

  private static let info = Metric(
    "latchkey_service_info",
    .gauge,
    "Always 1; the label says which service the process is of."
  )
  private static let ready = Metric(
    "latchkey_service_ready",
    .gauge,
    "Whether the process should be given work: 1 or 0, as /readyz says."
  )
  private static let lag = Metric(
    "latchkey_event_loop_lag_seconds",
    .histogram,
    "How late timers of the event loop were, measured twice a second."
  )
  private static let foreignEnqueues = Metric(
    "latchkey_event_loop_foreign_enqueues_total",
    .counter,
    "Jobs that other threads have handed to the event loop; a rise under load means that calls hop between threads."
  )

  /// All metrics, as Prometheus reads them.
  func metrics() -> [UInt8] {
    var exposition = Exposition()
    exposition.add(Self.info, ["service": service], 1)
    exposition.add(Self.ready, obstacles.isEmpty ? 1 : 0)
    process.collect(into: &exposition)
    exposition.add(Self.lag, lag)
    exposition.add(Self.foreignEnqueues, EventLoop.foreignEnqueueCount)
    for source in sources { source(&exposition) }
    return exposition.text
  }
}
