import Testing

@testable import Tracing

@Suite struct TraceContextTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let good = "00-\(trace)-00f067aa0ba902b7-01"

  private func read(_ parent: String, _ state: String = "") -> TraceContext? {
    TraceContext(parent: Array(parent.utf8)[...], state: Array(state.utf8))
  }

  @Test func `what is passed on is what came`() throws {
    let context = try #require(read(Self.good, "vendor=t61rcWkgMzE,rojo=00f067aa0ba902b7"))
    var text: [UInt8] = []
    context.appendParent(to: &text)
    #expect(String(decoding: text, as: UTF8.self) == Self.good)
    #expect(context.traceID == Self.trace)
    #expect(context.isSampled)
    #expect(
      String(decoding: context.state, as: UTF8.self) == "vendor=t61rcWkgMzE,rojo=00f067aa0ba902b7"
    )
  }

  /// The cases of W3C's own test suite, and hostile ones.
  @Test(arguments: [
    (good, true),
    ("00-\(trace)-00f067aa0ba902b7-00", true),
    ("00-\(trace)-00f067aa0ba902b7-ff", true),
    // A later version may have more behind a dash.
    ("cc-\(trace)-00f067aa0ba902b7-01", true),
    ("cc-\(trace)-00f067aa0ba902b7-01-what-the-future-brings", true),
    ("cc-\(trace)-00f067aa0ba902b7-01.what", false),
    ("ff-\(trace)-00f067aa0ba902b7-01", false),
    ("00-\(trace)-00f067aa0ba902b7-01-", false),
    ("00-\(trace)-00f067aa0ba902b7-01 ", false),
    (" \(good)", false),
    ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
    ("00-\(trace)-0000000000000000-01", false),
    ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
    ("00-\(trace)-00F067AA0BA902B7-01", false),
    ("0x-\(trace)-00f067aa0ba902b7-01", false),
    ("00_\(trace)_00f067aa0ba902b7_01", false),
    ("00-\(trace)-00f067aa0ba902b7-0", false),
    ("00-\(trace)-00f067aa0ba902b7", false),
    ("00-\(trace)00f067aa0ba902b7-01-", false),
    ("00-\u{e9}bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false),
    ("", false), ("00", false), ("-", false),
    (String(repeating: "0", count: 100_000), false),
  ])
  func `a traceparent is what the specification says or nothing`(text: String, isGood: Bool) {
    #expect((read(text) != nil) == isGood)
  }

  @Test(arguments: [
    ("a=1", true), ("a=1,b=2", true), ("a=1 , b=2", true), ("a=1,,b=2", true), ("a=1,", true),
    ("t1@v=1", true), ("1t@v=1", true), ("a_-*/0=~!#", true), ("a= b", true),
    (String(repeating: "k", count: 255) + "=" + String(repeating: "v", count: 255), true),
    (String(repeating: "k", count: 256) + "=" + String(repeating: "v", count: 256), false),
    ((1...32).map { "k\($0)=1" }.joined(separator: ","), true),
    ((1...33).map { "k\($0)=1" }.joined(separator: ","), false),
    ("a=1,a=2", false), ("=1", false), ("a=", false), ("a", false), ("A=1", false), ("1=1", false),
    ("a=1=2", false), ("a=\u{7f}", false), ("a=\u{e9}", false), ("a@b@c=1", false), ("@b=1", false),
    ("a@1=1", false), ("a=1\r\nx: y", false), (",", false),
  ])
  func `a tracestate that is not allowed is dropped, and the trace goes on`(
    text: String,
    isGood: Bool
  )
    throws
  {
    let context = try #require(read(Self.good, text))
    #expect(context.state == (isGood ? Array(text.utf8) : []))
  }
}
