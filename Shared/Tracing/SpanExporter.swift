public import EventLoop
internal import Metrics

/// Sends spans to a collector, in batches, one batch at a time.
///
/// What is recorded faster than it is taken is dropped: a collector that is slow or gone costs a bounded amount of memory
/// and nothing else.
@EventLoop
public final class SpanExporter {
  /// Spans that wait, those being sent included; a few megabytes.
  static let heldMax = 4_096
  /// Spans of one request; half as many as wait are sent at once.
  static let batchMax = 512
  /// How long the first span of a batch waits for more.
  static let delay = Duration.seconds(1)
  /// How often a batch is sent that the collector does not take, and the pause before the second time; it doubles.
  static let triesMax = 4
  static let pause = Duration.seconds(1)
  /// How long sending what is left may take when the process stops.
  static let stopLimit = Duration.seconds(3)

  private let encoder: SpanEncoder
  private let collector: CollectorClient
  private var held: [Span] = []
  private var timer: LoopTimer?
  private var sending: Task<Void, Never>?
  private var isStopping = false
  private var exportedCount = 0
  private var lostCount = 0
  private var droppedCount = 0

  /// Makes an exporter; it connects when there is something to send.
  ///
  /// - Parameters:
  ///   - service: What the spans are told to be of.
  ///   - collector: Takes them.
  public init(service: String, collector: CollectorClient) {
    encoder = SpanEncoder(service: service)
    self.collector = collector
  }

  func add(_ span: Span) {
    guard held.count < SpanExporter.heldMax, !isStopping else {
      droppedCount += 1
      return
    }
    held.append(span)
    if sending != nil { return }
    if held.count >= SpanExporter.batchMax {
      send()
    } else if timer == nil {
      timer = LoopTimer(after: SpanExporter.delay) { [self] in send() }
    }
  }

  private func send() {
    timer?.cancel()
    timer = nil
    guard sending == nil, !held.isEmpty else { return }
    sending = EventLoop.spawn { [self] in
      // While one batch was on its way the next has gathered.
      repeat {
        await sendBatch()
      } while held.count >= SpanExporter.batchMax || isStopping && !held.isEmpty
      sending = nil
      if !held.isEmpty { timer = LoopTimer(after: SpanExporter.delay) { [self] in send() } }
    }
  }

  private func sendBatch() async {
    let batch = held.prefix(SpanExporter.batchMax)
    let body = encoder.encode(batch)
    var pause = SpanExporter.pause
    var isTaken = false
    for attempt in 1...SpanExporter.triesMax {
      let outcome = await collector.post(body)
      isTaken = outcome == .taken
      // When the process stops, nobody waits for a collector that is away.
      guard outcome == .unavailable, attempt < SpanExporter.triesMax, !isStopping else { break }
      await EventLoop.sleep(for: pause)
      pause *= 2
    }
    if isTaken { exportedCount += batch.count } else { lostCount += batch.count }
    held.removeFirst(batch.count)
  }

  func stop() async {
    isStopping = true
    let limit = LoopTimer(after: SpanExporter.stopLimit) { [self] in collector.close() }
    send()
    await sending?.value
    limit.cancel()
    collector.close()
  }

  private static let spans = Metric(
    "latchkey_trace_spans_total",
    .counter,
    "Spans that were recorded, by what became of them."
  )
  private static let waiting = Metric(
    "latchkey_trace_spans_waiting",
    .gauge,
    "Spans that were recorded and not sent yet."
  )

  func collect(into exposition: inout Exposition) {
    exposition.add(Self.spans, ["outcome": "exported"], exportedCount)
    exposition.add(Self.spans, ["outcome": "refused"], lostCount)
    exposition.add(Self.spans, ["outcome": "dropped"], droppedCount)
    exposition.add(Self.waiting, held.count)
  }
}
