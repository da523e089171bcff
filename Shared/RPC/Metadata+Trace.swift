public import HTTP
public import Tracing

extension HeaderFields {
  /// Which trace the fields say that they belong to; nil where they say nothing, or nonsense.
  ///
  /// Source: W3C Trace Context, sections 3.2.1 and 3.3.1: `traceparent` comes once, `tracestate` may come in pieces.
  public var traceContext: TraceContext? {
    guard let parent = bytes(of: "traceparent"), count(of: "traceparent") == 1 else { return nil }
    var state: [UInt8] = []
    forEach(of: "tracestate") { piece in
      if !state.isEmpty { state.append(UInt8(ascii: ",")) }
      state.append(contentsOf: piece)
    }
    return TraceContext(parent: parent, state: state)
  }

  /// Says which trace the fields belong to.
  mutating func append(_ context: TraceContext) {
    append("traceparent") { context.appendParent(to: &$0) }
    if !context.state.isEmpty { append("tracestate") { $0.append(contentsOf: context.state) } }
  }
}

extension TrunkCallRecord {
  /// Which trace the call says that it belongs to.
  func traceContext(in bytes: [UInt8]) -> TraceContext? {
    traceParent.flatMap { TraceContext(parent: bytes[$0], state: Array(bytes[traceState])) }
  }
}
