import Faults
import HTTP
import Protobuf
import Testing

@testable import RPC

@Suite struct WireTests {
  @Test(arguments: [
    ("1H", Duration.seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
    ("4m", .milliseconds(4)), ("5u", .microseconds(5)), ("6n", .nanoseconds(6)),
    ("99999999S", .seconds(99_999_999)), ("0n", .zero),
  ])
  func `a timeout is read`(text: String, expected: Duration) {
    #expect(Timeout.parse(Array(text.utf8)[...]) == expected)
  }

  @Test(arguments: ["", "S", "1", "1s", "-1S", "1.5S", "123456789S", "1 S", "0x1S", "1SS"])
  func `a malformed timeout is refused`(text: String) {
    #expect(Timeout.parse(Array(text.utf8)[...]) == nil)
  }

  @Test(arguments: [
    (Int64(0), "0n"), (99_999_999, "99999999n"), (100_000_000, "100000u"),
    (100_000_001, "100001u"), (10_000_000_000, "10000000u"), (-5, "0n"),
    (Int64.max, "9223372037S".count <= 9 ? "" : "153722868M"),
  ])
  func `a timeout is written in the finest unit that fits, never shorter`(
    nanoseconds: Int64,
    expected: String
  ) {
    let text = Timeout.format(nanoseconds)
    if nanoseconds != .max { #expect(text == expected) }
    let read = Timeout.parse(Array(text.utf8)[...])
    #expect(read != nil)
    #expect((read ?? .zero) >= .nanoseconds(max(0, min(nanoseconds, 1 << 60))))
  }

  @Test(arguments: [
    ("plain text", "plain text"), ("100 %", "100 %25"), ("a\nb", "a%0Ab"), ("é", "%C3%A9"),
    ("\t😈", "%09%F0%9F%98%88"), ("", ""),
  ])
  func `a status message survives its encoding`(message: String, encoded: String) {
    #expect(StatusMessage.encode(message) == encoded)
    #expect(StatusMessage.decode(Array(encoded.utf8)[...]) == message)
  }

  @Test(arguments: ["%", "%4", "%zz", "a%"])
  func `what is not properly encoded stays as it is`(text: String) {
    #expect(StatusMessage.decode(Array(text.utf8)[...]) == text)
  }

  @Test func `a message is found however its bytes are cut`() throws {
    var bytes: [UInt8] = []
    MessageFraming.append(RawMessage([1, 2, 3]), to: &bytes)
    MessageFraming.append(RawMessage([]), to: &bytes)
    for count in 0..<bytes.count {
      let range = try MessageFraming.next(in: Array(bytes.prefix(count)), from: 0)
      #expect(range == (count >= 8 ? 5..<8 : nil))
    }
    #expect(try MessageFraming.next(in: bytes, from: 8) == 13..<13)
  }

  @Test func `an over-long or compressed message is refused by its prefix`() {
    #expect(throws: Fault.self) {
      try MessageFraming.next(in: [0, 0xff, 0xff, 0xff, 0xff], from: 0)
    }
    #expect(throws: Fault.self) { try MessageFraming.next(in: [0, 0, 0x40, 0, 1], from: 0) }
    #expect(throws: Fault.self) { try MessageFraming.next(in: [1, 0, 0, 0, 0], from: 0) }
    #expect(throws: Fault.self) { try MessageFraming.next(in: [2, 0, 0, 0, 0], from: 0) }
  }

  @Test(arguments: Fault.Code.allCases)
  func `a fault survives the trailers`(code: Fault.Code) throws {
    let fault = Fault(
      code,
      "Nothing, 100 %, é\n",
      reason: .machineLimitExceeded,
      issues: [.init(path: ["a", "0"], message: "m", code: "c")],
      facts: [.init("max", 5)],
      detail: "kept here"
    )
    let read = try #require(Fault(trailers: fault.trailers(adding: Metadata())))
    #expect(read.code == code && read.message == fault.message && read.reason == fault.reason)
    #expect(read.issues == fault.issues && read.facts == fault.facts)
    #expect(read.detail == nil)
  }

  @Test func `trailers without a proper status are a fault`() {
    #expect(Fault(trailers: Metadata())?.code == .unknown)
    #expect(Fault(trailers: Metadata(["grpc-status": "x"]))?.code == .unknown)
    #expect(Fault(trailers: Metadata(["grpc-status": "77"]))?.code == .unknown)
    #expect(Fault(trailers: Metadata(["grpc-status": "0"])) == nil)
  }
}
