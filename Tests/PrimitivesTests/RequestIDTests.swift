import Primitives
import Testing

@Suite struct RequestIDTests {
  @Test func `text goes both ways`() throws {
    let id = RequestID()
    #expect(id.description.count == 26)
    #expect(RequestID(id.description) == id)
    #expect(RequestID(id.description.lowercased()) == id)
    var output: [UInt8] = []
    id.append(to: &output)
    #expect(String(decoding: output, as: UTF8.self) == id.description)
  }

  /// The example of the published specification.
  @Test func `the time is in the first ten characters`() throws {
    let id = try #require(RequestID("01ARYZ6S41TSV4RRFFQ69G5FAV"))
    #expect(id.moment.milliseconds == 1_469_918_176_385)
    #expect(id.description == "01ARYZ6S41TSV4RRFFQ69G5FAV")
    #expect(RequestID("7ZZZZZZZZZZZZZZZZZZZZZZZZZ")?.description == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
  }

  @Test func `names are different and sort by time`() {
    let early = RequestID(at: Timestamp(milliseconds: 1_000))
    let late = RequestID(at: Timestamp(milliseconds: 1_001))
    #expect(early.description < late.description)
    #expect(Set((0..<5_000).map { _ in RequestID() }).count == 5_000)
  }

  @Test(arguments: [
    "", "01ARYZ6S41TSV4RRFFQ69G5FA", "01ARYZ6S41TSV4RRFFQ69G5FAVV", "81ARYZ6S41TSV4RRFFQ69G5FAV",
    "01ARYZ6S41TSV4RRFFQ69G5FAU", "01ARYZ6S41TSV4RRFFQ69G5FAI", "01ARYZ6S41TSV4RRFFQ69G5F\nA",
  ])
  func `other text is refused`(text: String) {
    #expect(RequestID(text) == nil)
  }
}
