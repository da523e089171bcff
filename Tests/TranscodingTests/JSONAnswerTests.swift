import Faults
import Testing
import Transcoding

@Suite struct JSONAnswerTests {
  private static let text =
    #"{"data":{"keys":[{"id":"a","n":7},{"id":"b","ok":true}],"none":null},"é":"ü"}"#

  @Test func `values are found by the names that lead to them`() throws {
    let answer = try JSONAnswer(Array(Self.text.utf8))
    #expect(answer.text("data", "keys", "1", "id") == "b")
    #expect(answer.integer("data", "keys", "0", "n") == 7)
    #expect(answer.isTrue("data", "keys", "1", "ok") && !answer.isTrue("data", "keys", "0", "ok"))
    #expect(answer.count("data", "keys") == 2 && answer.count("data") == 0)
    #expect(answer.text("é") == "ü")
    let key = try #require(answer.json("data", "keys", "0"))
    #expect(String(decoding: key, as: UTF8.self) == #"{"id":"a","n":7}"#)
  }

  @Test(arguments: [
    ["data", "keys", "2", "id"], ["data", "keys", "-1", "id"], ["data", "keys", "id"],
    ["data", "none"],
    ["data", "none", "id"], ["data", "keys", "0", "n"], ["absent"], [],
  ])
  func `what is not there is nothing`(path: [String]) throws {
    #expect(try JSONAnswer(Array(Self.text.utf8)).text(path) == nil)
  }

  @Test(arguments: ["", "{", "{} x", #"{"a":1,"a":2}"#, "<html>"])
  func `what is not JSON is refused`(text: String) {
    #expect(throws: Fault.self) { try JSONAnswer(Array(text.utf8)) }
  }
}
