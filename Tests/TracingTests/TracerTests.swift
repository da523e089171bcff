import EventLoop
import Metrics
import TestKit
import Testing

@testable import Tracing

@Suite(.onLoop, .serialized, .timeLimit(.minutes(1))) struct TracerTests {
  /// Nobody listens there.
  @EventLoop private func tracer(ratio: Double) throws -> (Tracer, SpanExporter) {
    let url = try #require(CollectorURL("http://127.0.0.1:9"))
    let exporter = SpanExporter(service: "test", collector: CollectorClient(url: url, fields: []))
    return (Tracer(ratio: ratio, exporter: exporter), exporter)
  }

  private let asked = TraceContext(trace: 1, traceLow: 2, span: 3, isSampled: true, state: [0x61])
  private let unasked = TraceContext(trace: 1, traceLow: 2, span: 3, isSampled: false)

  @Test(arguments: [(0.0, 0...0), (0.25, 400...600), (1.0, 2_000...2_000)])
  @EventLoop func `chance decides where the client says nothing`(
    ratio: Double,
    expected: ClosedRange<Int>
  ) throws {
    let (tracer, _) = try tracer(ratio: ratio)
    let count = (0..<2_000).count { _ in tracer.beginRequest("GET", after: nil) != nil }
    #expect(expected.contains(count))
  }

  @Test @EventLoop func `what the client says is followed, as far as a flood goes`() throws {
    let (tracer, _) = try tracer(ratio: 0)
    let span = try #require(tracer.beginRequest("GET", after: asked))
    #expect(span.context.trace == 1 && span.context.traceLow == 2 && span.parent == 3)
    #expect(span.context.span != 3 && span.context.state == [0x61])
    let (other, _) = try self.tracer(ratio: 1)
    #expect(other.beginRequest("GET", after: unasked) == nil)
    let followed = (0..<1_000).count { _ in tracer.beginRequest("GET", after: asked) != nil }
    #expect((90...Tracer.askedPerSecondMax * 2).contains(followed))
  }

  @Test @EventLoop func `a call is recorded where who asks says so, however many`() throws {
    let (tracer, _) = try tracer(ratio: 0)
    #expect(tracer.beginCall("call", after: unasked) == nil)
    #expect((0..<1_000).allSatisfy { _ in tracer.beginCall("call", after: asked) != nil })
  }

  @Test @EventLoop func `tasks that are started for a span are its own, and no others`()
    async throws
  {
    let (tracer, _) = try tracer(ratio: 1)
    let span = try #require(tracer.beginRequest("GET", after: nil))
    #expect(Span.current == nil)
    var inside: Span?
    var task: Task<Span?, Never>?
    Span.with(span) {
      inside = Span.current
      task = EventLoop.spawn {
        await EventLoop.sleep(for: .milliseconds(1))
        return Span.current
      }
    }
    #expect(inside === span)
    #expect(Span.current == nil)
    #expect(await task?.value === span)
    #expect(await EventLoop.spawn { Span.current }.value == nil)
  }

  @Test @EventLoop func `a collector that is away costs a bounded queue`() async throws {
    let (tracer, exporter) = try tracer(ratio: 1)
    for _ in 0..<SpanExporter.heldMax + 100 {
      tracer.beginRequest("GET", after: nil)?.end()
    }
    var exposition = Exposition()
    exporter.collect(into: &exposition)
    let text = String(decoding: exposition.text, as: UTF8.self)
    #expect(text.contains(#"latchkey_trace_spans_total{outcome="dropped"} 100"#))
    #expect(text.contains("latchkey_trace_spans_waiting \(SpanExporter.heldMax)"))
    await exporter.stop()
  }

  @Test(arguments: [
    ("http://collector:4318", "http://collector:4318/v1/traces", "collector", 4318),
    ("https://otlp.example/", "https://otlp.example/v1/traces", "otlp.example", 443),
    ("http://[::1]:4318/a", "http://[::1]:4318/a/v1/traces", "::1", 4318),
    ("http://[::1]", "http://[::1]/v1/traces", "::1", 80),
  ])
  func `a collector's address is as OpenTelemetry has it`(
    text: String,
    whole: String,
    host: String,
    port: UInt16
  )
    throws
  {
    let url = try #require(CollectorURL(text))
    #expect((url.text, url.host, url.port) == (whole, host, port))
  }

  @Test(arguments: [
    "", "collector:4318", "ftp://collector", "http://", "http://user:secret@collector",
    "http://collector:0",
    "http://collector:99999", "http://collector/?x=1", "http://collector/#x", "http://col lector",
    "http://collector\r\n",
  ])
  func `anything else is refused`(text: String) { #expect(CollectorURL(text) == nil) }
}
