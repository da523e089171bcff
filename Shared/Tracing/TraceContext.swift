internal import Primitives

/// Which trace something belongs to, and by which span it was asked for.
///
/// Source: W3C Trace Context, `traceparent` of version 00, and `tracestate`.
public struct TraceContext: Hashable, Sendable {
  /// The trace: 128 random bits, not all zero.
  let trace: UInt64, traceLow: UInt64
  /// The span: 64 random bits, not all zero.
  let span: UInt64
  /// Whether whoever asked records the trace.
  public let isSampled: Bool
  /// What other systems on the way have said of the trace, passed on as it came; empty where they have not.
  public let state: [UInt8]

  init(trace: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool, state: [UInt8] = []) {
    self.trace = trace
    self.traceLow = traceLow
    self.span = span
    self.isSampled = isSampled
    self.state = state
  }

  /// The characters of a `traceparent` of version 00.
  static let textCount = 55

  /// Reads a `traceparent`, from whoever sent it.
  ///
  /// A later version may have more behind another dash, which is ignored; anything else that the specification does not
  /// allow gives nil, and then a new trace begins. A `tracestate` that is not allowed is dropped, and the trace goes on.
  ///
  /// - Parameters:
  ///   - parent: The value of `traceparent`, which must have come once.
  ///   - state: The values of `tracestate`, joined by commas.
  public init?(parent: ArraySlice<UInt8>, state: [UInt8] = []) {
    guard parent.count >= TraceContext.textCount else { return nil }
    var reader = DigitReader(rest: parent)
    guard let version = reader.number(digits: 2), version != 0xff, reader.dash(),
      let trace = reader.number(digits: 16), let traceLow = reader.number(digits: 16),
      reader.dash(),
      let span = reader.number(digits: 16), reader.dash(), let flags = reader.number(digits: 2),
      version == 0 ? reader.rest.isEmpty : reader.rest.isEmpty || reader.dash(),
      trace != 0 || traceLow != 0, span != 0
    else { return nil }
    self.init(
      trace: trace,
      traceLow: traceLow,
      span: span,
      isSampled: flags & 1 == 1,
      state: TraceState.isGood(state) ? state : []
    )
  }

  /// Writes the `traceparent`.
  public func appendParent(to text: inout [UInt8]) {
    text.append(contentsOf: "00-".utf8)
    TraceContext.append(trace, to: &text)
    TraceContext.append(traceLow, to: &text)
    text.append(UInt8(ascii: "-"))
    TraceContext.append(span, to: &text)
    text.append(contentsOf: isSampled ? "-01".utf8 : "-00".utf8)
  }

  /// The trace's 32 digits, for logs.
  public var traceID: String {
    var text: [UInt8] = []
    TraceContext.append(trace, to: &text)
    TraceContext.append(traceLow, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Writes a number as 16 digits.
  static func append(_ number: UInt64, to text: inout [UInt8]) {
    for shift in stride(from: 60, through: 0, by: -4) {
      text.append(Hex.digit(UInt8(truncatingIfNeeded: number >> UInt64(shift))))
    }
  }
}

/// Reads the parts of a `traceparent`: lower-case digits only.
private struct DigitReader {
  var rest: ArraySlice<UInt8>

  mutating func number(digits: Int) -> UInt64? {
    guard rest.count >= digits else { return nil }
    var number: UInt64 = 0
    for digit in rest.prefix(digits) {
      guard !(UInt8(ascii: "A")...UInt8(ascii: "F")).contains(digit),
        let value = Hex.value(of: digit)
      else { return nil }
      number = number << 4 | UInt64(value)
    }
    rest = rest.dropFirst(digits)
    return number
  }

  mutating func dash() -> Bool { rest.popFirst() == UInt8(ascii: "-") }
}
