import HTTP
import Messages
import Testing

@testable import RPC

@Suite struct CallFieldsTests {
  private static let caller = Caller(actorKind: .anonymous, clientAddress: "203.0.113.9")

  /// Names and values, without what every call has.
  private static func shown(_ fields: HeaderFields) -> [String] {
    (0..<fields.count).map { fields[at: $0] }
      .filter {
        $0.name == "grpc-timeout" || $0.name.hasPrefix("x-") || $0.name.hasPrefix("latchkey")
      }
      .map { $0.name == "latchkey-caller-bin" ? $0.name : "\($0.name): \($0.value)" }
  }

  @Test func `calls in a row say what is theirs`() {
    var fields = CallFields()
    var first = CallOptions(caller: Self.caller, requestID: "1")
    first.metadata.append("x-note", "a")
    #expect(
      Self.shown(fields.write(first, nanoseconds: 8_000_000_000)) == [
        "grpc-timeout: 8000000u", "latchkey-caller-bin", "latchkey-request-id: 1", "x-note: a",
      ]
    )
    // The third and later ones of a caller keep what they have in common.
    for id in ["2", "3", "4"] {
      let next = CallOptions(caller: Self.caller, requestID: id)
      #expect(
        Self.shown(fields.write(next, nanoseconds: 8_000_000_000)) == [
          "grpc-timeout: 8000000u", "latchkey-caller-bin", "latchkey-request-id: \(id)",
        ]
      )
    }
    // Less time, rounded up to whole milliseconds, and nobody behind the call.
    #expect(
      Self.shown(fields.write(CallOptions(), nanoseconds: 6_999_999_001)) == [
        "grpc-timeout: 7000000u"
      ]
    )
  }

  @Test func `each caller is told`() throws {
    var fields = CallFields()
    let others = ["203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.2", "203.0.113.1"]
    for address in others {
      let options = CallOptions(caller: Caller(clientAddress: address))
      let bytes = try #require(
        fields.write(options, nanoseconds: 1_000_000_000).binary("latchkey-caller-bin")
      )
      let caller = try bytes.withUnsafeBytes { try Caller(decoding: $0) }
      #expect(caller.clientAddress == address)
    }
  }
}
