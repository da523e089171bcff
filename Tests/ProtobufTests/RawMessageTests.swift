import Protobuf
import TestMessages
import Testing

/// What is found in an encoded message, and added to it, without decoding it.
@Suite struct RawMessageTests {
  private func text(_ message: RawMessage, _ number: UInt32) -> String? {
    message.value(of: number).map { String(decoding: message.bytes[$0], as: UTF8.self) }
  }

  @Test func `a field is found among all other kinds`() throws {
    let full = Everything.full
    let message = RawMessage(full.encoded)
    for field in Everything.schema.fields where field.name == "string_value" {
      #expect(text(message, field.number) == full.stringValue)
    }
    #expect(message.value(of: 9999) == nil)
  }

  @Test func `of several values the last one counts`() {
    #expect(text(RawMessage([10, 1, 65, 18, 1, 67, 10, 2, 66, 66]), 1) == "BB")
    #expect(text(RawMessage([10, 0]), 1) == "")
    #expect(RawMessage([]).value(of: 1) == nil)
  }

  @Test(
    arguments: [
      [10], [10, 2, 65], [10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], [8], [9, 0],
      [13, 0],
      [11, 12], [10, 1, 65, 255], [10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
      [10, 1, 65, 9, 1, 2, 3],
    ] as [[UInt8]]
  )
  func `bytes that are no message have no field`(bytes: [UInt8]) {
    #expect(RawMessage(bytes).value(of: 1) == nil)
  }

  @Test(arguments: [0, 1, 127, 128, 65_536]) func `what is appended is decoded`(count: Int) throws {
    var message = RawMessage(LoadRequest(shelf: "a", dry: true).encoded)
    let bytes = [UInt8](repeating: 7, count: count)
    message.append(bytes[...], as: 3)
    let decoded = try LoadRequest(decoded: message.bytes)
    #expect(decoded == LoadRequest(shelf: "a", dry: true, lines: bytes))
  }
}
