import Metrics
import Testing

@Suite struct ExpositionTests {
  private let calls = Metric("latchkey_calls_total", .counter, "Calls.")
  private let depth = Metric("latchkey_depth", .gauge, "How deep.")
  private let sizes = Metric("latchkey_sizes", .histogram, "How large.")

  private func text(_ body: (inout Exposition) -> Void) -> String {
    var exposition = Exposition()
    body(&exposition)
    return String(decoding: exposition.text, as: UTF8.self)
  }

  @Test func `a metric is described once, before all its values, whoever adds them`() {
    let text = text {
      $0.add(calls, ["service": "keys", "code": "OK"], 3)
      $0.add(depth, 1.5)
      $0.add(calls, ["service": "signing", "code": "OK"], 4)
    }
    #expect(
      text == """
        # HELP latchkey_calls_total Calls.
        # TYPE latchkey_calls_total counter
        latchkey_calls_total{service="keys",code="OK"} 3
        latchkey_calls_total{service="signing",code="OK"} 4
        # HELP latchkey_depth How deep.
        # TYPE latchkey_depth gauge
        latchkey_depth 1.5

        """
    )
  }

  @Test func `the buckets of a histogram add up, and the last has no end`() {
    var histogram = Histogram(.counts)
    for value: Int64 in [1, 1, 3, 4, 5_000] { histogram.note(value) }
    let lines = text { $0.add(sizes, ["batch": "facts"], histogram) }.split(separator: "\n")
    #expect(lines[2] == #"latchkey_sizes_bucket{batch="facts",le="1"} 2"#)
    #expect(lines[3] == #"latchkey_sizes_bucket{batch="facts",le="2"} 2"#)
    #expect(lines[4] == #"latchkey_sizes_bucket{batch="facts",le="4"} 4"#)
    #expect(
      lines.suffix(3) == [
        #"latchkey_sizes_bucket{batch="facts",le="+Inf"} 5"#,
        #"latchkey_sizes_sum{batch="facts"} 5009"#,
        #"latchkey_sizes_count{batch="facts"} 5"#,
      ]
    )
  }

  @Test func `durations are noted in nanoseconds and shown in seconds`() {
    var histogram = Histogram(.durations)
    histogram.note(100_000)
    histogram.note(100_001)
    let text = text { $0.add(sizes, histogram) }
    #expect(text.contains("latchkey_sizes_bucket{le=\"0.0001\"} 1\n"))
    #expect(text.contains("latchkey_sizes_bucket{le=\"0.00025\"} 2\n"))
    #expect(text.contains("latchkey_sizes_bucket{le=\"10\"} 2\n"))
    #expect(text.contains("latchkey_sizes_sum 0.000200001\n"))
  }

  @Test(arguments: [
    (0.0, "0"), (1.0, "1"), (-2.0, "-2"), (0.25, "0.25"), (1e300, "1e+300"), (.infinity, "+Inf"),
    (-.infinity, "-Inf"), (.nan, "NaN"),
  ])
  func `numbers are as Prometheus reads them`(value: Double, expected: String) {
    #expect(text { $0.add(depth, value) }.hasSuffix("latchkey_depth \(expected)\n"))
  }

  @Test func `a label may hold anything`() {
    let text = text { $0.add(depth, ["name": "a\"b\\c\nd"], 1) }
    #expect(text.hasSuffix(#"latchkey_depth{name="a\"b\\c\nd"} 1"# + "\n"))
  }
}
