internal import EventLoop

/// Writes spans as OTLP's JSON.
///
/// Source: OpenTelemetry Protocol 1.3, "OTLP/HTTP", "JSON Protobuf Encoding": ids are hexadecimal, 64-bit numbers are
/// texts, enums are numbers.
struct SpanEncoder {
  /// The service's name, as the collector shows it.
  let service: String

  /// The body of one `ExportTraceServiceRequest`.
  @EventLoop
  func encode(_ spans: ArraySlice<Span>) -> [UInt8] {
    var text = JSONBytes()
    text.append("{\"resourceSpans\":[{\"resource\":{\"attributes\":[")
    append("service.namespace", .text("latchkey"), to: &text)
    text.append(",")
    append("service.name", .text("latchkey-\(service)"), to: &text)
    text.append("]},\"scopeSpans\":[{\"scope\":{\"name\":\"latchkey\"},\"spans\":[")
    for (position, span) in spans.enumerated() {
      if position > 0 { text.append(",") }
      append(span, to: &text)
    }
    text.append("]}]}]}")
    return text.bytes
  }

  @EventLoop
  private func append(_ span: Span, to text: inout JSONBytes) {
    text.append("{")
    append(span.context, to: &text)
    if span.parent != 0 {
      text.append(",\"parentSpanId\":\"")
      TraceContext.append(span.parent, to: &text.bytes)
      text.append("\"")
    }
    if !span.context.state.isEmpty {
      text.append(",\"traceState\":")
      text.append(quoting: String(decoding: span.context.state, as: UTF8.self))
    }
    text.append(",\"name\":")
    text.append(quoting: span.name)
    let nanoseconds = span.ended.map { ($0 - span.began).nanoseconds } ?? 0
    text.append(",\"kind\":\(span.kind.rawValue),\"startTimeUnixNano\":\"\(span.beganAt)\"")
    text.append(",\"endTimeUnixNano\":\"\(span.beganAt + nanoseconds)\",\"attributes\":[")
    for (position, attribute) in span.attributes.enumerated() {
      if position > 0 { text.append(",") }
      append(attribute.name, attribute.value, to: &text)
    }
    text.append("],\"links\":[")
    for (position, link) in span.links.enumerated() {
      text.append(position > 0 ? ",{" : "{")
      append(link, to: &text)
      text.append("}")
    }
    text.append("],\"status\":{")
    if let failure = span.failure {
      text.append("\"code\":2,\"message\":")
      text.append(quoting: failure)
    }
    text.append("}}")
  }

  private func append(_ context: TraceContext, to text: inout JSONBytes) {
    text.append("\"traceId\":\"\(context.traceID)\",\"spanId\":\"")
    TraceContext.append(context.span, to: &text.bytes)
    text.append("\"")
  }

  private func append(_ name: StaticString, _ value: Span.Value, to text: inout JSONBytes) {
    text.append("{\"key\":\"\(name)\",\"value\":{")
    switch value {
    case .text(let value):
      text.append("\"stringValue\":")
      text.append(quoting: value)
    case .number(let value):
      text.append("\"intValue\":\"\(value)\"")
    }
    text.append("}}")
  }
}

/// JSON being written.
private struct JSONBytes {
  var bytes: [UInt8] = []

  mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// A text in quotes.
  ///
  /// Source: RFC 8259, section 7.
  mutating func append(quoting text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
      case 0..<0x20:
        append("\\u00")
        append(byte < 0x10 ? "0" : "1")
        append(String(byte & 0x0f, radix: 16))
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
