public import EventLoop
public import Metrics

/// Decides which requests are recorded, and hands what was recorded to the exporter.
@EventLoop
public final class Tracer {
  /// Traces a second that are recorded because a client says that it records them: anybody may say so.
  static let askedPerSecondMax = 100

  private let threshold: UInt64
  private let exporter: SpanExporter
  /// The state of a generator of numbers that need not be secret.
  private var random = UInt64.random(in: 1...UInt64.max)
  private var windowEnds = Instant(nanoseconds: .min)
  private var askedCount = 0

  /// Makes a tracer; from now on the process records.
  ///
  /// - Parameters:
  ///   - ratio: How many of the traces that begin here are recorded: from 0 for none to 1 for all.
  ///   - exporter: Sends them away.
  public init(ratio: Double, exporter: SpanExporter) {
    // Compared with 63 random bits, of which each number up to there has a Double near it.
    threshold = UInt64(max(0, min(1, ratio)) * 0x1p63)
    self.exporter = exporter
    Span.beginRecording()
  }

  /// Begins with a request from outside.
  ///
  /// What the client says of the trace is followed, as far as ``askedPerSecondMax`` goes; where it says nothing, or
  /// nonsense, chance decides.
  ///
  /// - Returns: Nil where the request is not recorded.
  public func beginRequest(_ name: String, after parent: TraceContext?) -> Span? {
    guard let parent else { return next() >> 1 < threshold ? begin(name) : nil }
    guard parent.isSampled, mayFollow() else { return nil }
    return Span(name, .server, context(within: parent), parent: parent.span, tracer: self)
  }

  /// Begins with a call from another of our processes, which has decided already.
  public func beginCall(_ name: String, after parent: TraceContext) -> Span? {
    guard parent.isSampled else { return nil }
    return Span(name, .server, context(within: parent), parent: parent.span, tracer: self)
  }

  private func begin(_ name: String) -> Span {
    let context = TraceContext(trace: nonzero(), traceLow: next(), span: nonzero(), isSampled: true)
    return Span(name, .server, context, parent: 0, tracer: self)
  }

  private func mayFollow() -> Bool {
    let now = Instant.now
    if now >= windowEnds {
      windowEnds = now + .seconds(1)
      askedCount = 0
    }
    askedCount += 1
    return askedCount <= Tracer.askedPerSecondMax
  }

  /// What a new span within the same trace is called.
  func context(within parent: TraceContext) -> TraceContext {
    TraceContext(
      trace: parent.trace,
      traceLow: parent.traceLow,
      span: nonzero(),
      isSampled: true,
      state: parent.state
    )
  }

  func take(_ span: Span) { exporter.add(span) }

  /// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014 (SplitMix64).
  private func next() -> UInt64 {
    random &+= 0x9e37_79b9_7f4a_7c15
    var number = random
    number = (number ^ number >> 30) &* 0xbf58_476d_1ce4_e5b9
    number = (number ^ number >> 27) &* 0x94d0_49bb_1331_11eb
    return number ^ number >> 31
  }

  private func nonzero() -> UInt64 {
    let number = next()
    return number == 0 ? 1 : number
  }

  /// Tells what became of spans.
  public func collect(into exposition: inout Exposition) { exporter.collect(into: &exposition) }

  /// Sends what there is, for a while, and then nothing any more.
  public func stop() async { await exporter.stop() }
}
