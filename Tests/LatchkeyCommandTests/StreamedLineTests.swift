import Testing

@testable import LatchkeyCommand

/// The lines of the stream of events, as the webhooks service writes them.
@Suite struct StreamedLineTests {
  @Test func `a line with an event has its envelope as it was written`() throws {
    let body = #"{"id":"evt_1","type":"license.created","data":{"name":"a \"b\" }","x":[{}]}}"#
    let line = try #require(StreamedLine(Array(#"{"cursor":"12","event":\#(body)}"#.utf8)))
    #expect(line.cursor == "12")
    let event = try #require(line.event)
    #expect(event.id == "evt_1" && event.type == "license.created")
    #expect(event.body == Array(body.utf8))
  }

  @Test func `a line without an event says how far the stream is`() throws {
    let line = try #require(StreamedLine(Array(#"{"cursor":"0"}"#.utf8)))
    #expect(line.cursor == "0" && line.event == nil)
  }

  @Test(arguments: [
    "", "{}", #"{"cursor":""}"#, #"{"cursor":"x"}"#, #"{"cursor":"12""#, #"{"cursor":"12"},"#,
    #"{"cursor":"12"}}"#,
    #"{"cursor":"12","event":{}}"#, #"{"cursor":"12","event":{"id":"evt_1"}}"#,
    #"{"cursor":"12" "event":null}"#,
  ])
  func `a line of another form is none`(text: String) {
    #expect(StreamedLine(Array(text.utf8)) == nil)
  }
}
