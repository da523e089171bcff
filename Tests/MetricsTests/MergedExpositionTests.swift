import Metrics
import Testing

@Suite struct MergedExpositionTests {
  private let calls = Metric("latchkey_calls_total", .counter, "Calls.")
  private let depth = Metric("latchkey_depth", .gauge, "How deep.")
  private let sizes = Metric("latchkey_sizes", .histogram, "How large.")

  private func text(_ body: (inout Exposition) -> Void) -> [UInt8] {
    var exposition = Exposition()
    body(&exposition)
    return exposition.text
  }

  @Test func `values of several processes stand under one head, and a label says whose each is`() {
    var merged = MergedExposition(label: "worker")
    merged.add(text { $0.add(depth, 7) })
    merged.add(
      text {
        $0.add(calls, ["code": "a b"], 3)
        $0.add(depth, 1.5)
      },
      from: "1"
    )
    merged.add(text { $0.add(calls, ["code": "OK"], 4) }, from: "2")
    #expect(
      String(decoding: merged.text, as: UTF8.self) == """
        # HELP latchkey_depth How deep.
        # TYPE latchkey_depth gauge
        latchkey_depth 7
        latchkey_depth{worker="1"} 1.5
        # HELP latchkey_calls_total Calls.
        # TYPE latchkey_calls_total counter
        latchkey_calls_total{worker="1",code="a b"} 3
        latchkey_calls_total{worker="2",code="OK"} 4

        """
    )
  }

  @Test func `a histogram stays whole`() {
    var histogram = Histogram(.counts)
    histogram.note(3)
    let own = text { $0.add(sizes, histogram) }
    var merged = MergedExposition(label: "worker")
    merged.add(own, from: "1")
    let lines = String(decoding: merged.text, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == String(decoding: own, as: UTF8.self).split(separator: "\n").count)
    #expect(lines.contains("latchkey_sizes_bucket{worker=\"1\",le=\"4\"} 1"))
    #expect(lines.contains("latchkey_sizes_sum{worker=\"1\"} 3"))
  }

  @Test func `nothing is made of nothing`() {
    var merged = MergedExposition(label: "worker")
    merged.add([], from: "1")
    #expect(merged.text.isEmpty)
  }
}
