import Faults
import HTTP
import Messages
import Protobuf
import Testing
import Tracing

@testable import RPC

/// What is read and written by hand is the same as the contract's messages.
@Suite struct TrunkRecordTests {
  static let calls = [
    TrunkCall(id: 1, path: "/a.B/C", timeoutMs: 5, request: [1, 2, 3]),
    TrunkCall(id: 1024, path: "/a.B/C", timeoutMs: 0, requestId: "r", request: []),
    TrunkCall(
      id: 1 << 40,
      path: "/a.B/C",
      timeoutMs: .max,
      caller: Caller(actorKind: .apiKey, actorId: "x", scopes: ["a", "b"]),
      requestId: String(repeating: "é", count: 200),
      request: [UInt8](repeating: 7, count: 40_000)
    ),
  ]

  static func encode(_ message: some Message) -> [UInt8] {
    var bytes: [UInt8] = []
    message.encode(appendingTo: &bytes)
    return bytes
  }

  static func decode<M: Message>(_ bytes: [UInt8]) throws -> M {
    try bytes.withUnsafeBytes { try M(decoding: $0) }
  }

  @Test(arguments: calls) func `a call is read as it was written`(call: TrunkCall) throws {
    let bytes = Self.encode(call)
    let record = try #require(
      bytes.withUnsafeBytes { TrunkCallRecord($0, 0..<bytes.count) }
    )
    #expect(record.id == call.id && record.milliseconds == call.timeoutMs.map(UInt64.init))
    #expect(Array(bytes[record.path]) == Array((call.path ?? "").utf8))
    #expect(record.caller.map { Array(bytes[$0]) } == call.caller.map { Self.encode($0) })
    #expect(Array(bytes[record.requestID]) == Array((call.requestId ?? "").utf8))
    #expect(Array(bytes[record.request]) == call.request)
    #expect(!record.isCancellation)
  }

  @Test(arguments: calls) func `a call is written as it is read`(call: TrunkCall) throws {
    var bytes: [UInt8] = []
    TrunkCallRecord.append(
      id: call.id,
      path: call.path ?? "",
      milliseconds: UInt64(call.timeoutMs ?? 0),
      caller: call.caller.map { Self.encode($0) },
      requestID: call.requestId,
      to: &bytes
    ) { $0 += call.request ?? [] }
    #expect(try Self.decode(bytes) == call)
  }

  @Test(arguments: ["", "a=1"]) func `a call's trace is written and read`(state: String) throws {
    var bytes: [UInt8] = []
    TrunkCallRecord.append(
      id: 5,
      path: "/a.B/C",
      milliseconds: 1,
      caller: nil,
      requestID: nil,
      to: &bytes
    ) { $0.append(1) }
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    TrunkCallRecord.append(
      traceParent: { $0 += parent.utf8 },
      state: Array(state.utf8),
      to: &bytes
    )
    let call: TrunkCall = try Self.decode(bytes)
    #expect(call.traceparent == Array(parent.utf8))
    #expect(call.tracestate == (state.isEmpty ? nil : Array(state.utf8)))
    let encoded = Self.encode(call)
    let record = try #require(
      encoded.withUnsafeBytes { TrunkCallRecord($0, 0..<encoded.count) }
    )
    let context = try #require(record.traceContext(in: encoded))
    #expect(context.traceID == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(context.state == Array(state.utf8))
  }

  @Test func `word that a call is given up is written and read`() throws {
    var bytes: [UInt8] = []
    TrunkCallRecord.appendCancellation(of: 300, to: &bytes)
    #expect(try Self.decode(bytes) == TrunkCall(id: 300, cancelled: true))
    let record = bytes.withUnsafeBytes { TrunkCallRecord($0, 0..<bytes.count) }
    #expect(record?.id == 300 && record?.isCancellation == true)
  }

  @Test func `a reply is written and read`() throws {
    let trailers = Metadata(["x-a": "1", "x-b": ""])
    var bytes: [UInt8] = []
    TrunkReplyRecord.append(id: 70_000, to: &bytes)
    trailers.withBytes { TrunkReplyRecord.append(trailer: $0, $1, to: &bytes) }
    TrunkReplyRecord.appendResponse(to: &bytes) { $0 += [9, 8] }
    let reply: TrunkReply = try Self.decode(bytes)
    #expect(reply.id == 70_000 && reply.response == [9, 8])
    #expect(reply.trailers.map(\.name) == ["x-a", "x-b"])
    #expect(reply.trailers.map { $0.value ?? [] } == [[49], []])
    for bytes in [bytes, Self.encode(reply)] {
      var read: [[UInt8]] = []
      let record = bytes.withUnsafeBytes { buffer in
        TrunkReplyRecord(buffer, 0..<bytes.count) { read += [Array($0), Array($1)] }
      }
      #expect(record?.id == 70_000 && record?.response.map { Array(bytes[$0]) } == [9, 8])
      #expect(read == [Array("x-a".utf8), [49], Array("x-b".utf8), []])
    }
  }

  @Test func `fields that a later version may add are passed over`() {
    // Numbers of 64 and 32 bits, a number, bytes, and known numbers with another type.
    let later: [[UInt8]] = [
      [0x99, 0x06, 0, 1, 2, 3, 4, 5, 6, 7], [0x9d, 0x06, 0, 1, 2, 3], [0x98, 0x06, 0x80, 0x01],
      [0x9a, 0x06, 2, 0, 0], [0x10, 5], [0x1a, 1, 0],
    ]
    for field in later {
      let bytes = field + [0x08, 3] + field
      let record = bytes.withUnsafeBytes { TrunkCallRecord($0, 0..<bytes.count) }
      #expect(record?.id == 3 && record?.path == 0..<0)
    }
  }

  @Test(arguments: [
    [], [0x08], [0x08, 0x80], [0x00, 1], [0x08, 0], [0x0b], [0x0c], [0x0e], [0x0f],
    [0x08, 1, 0x12], [0x08, 1, 0x12, 1], [0x08, 1, 0x0d, 0, 0, 0], [0x08, 1, 0x09, 0, 0, 0, 0],
    [0x08, 1, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
    [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
  ])
  func `what is no message, or names no call, is refused`(bytes: [UInt8]) {
    let call = bytes.withUnsafeBytes { TrunkCallRecord($0, 0..<bytes.count) }
    let reply = bytes.withUnsafeBytes { TrunkReplyRecord($0, 0..<bytes.count) { _, _ in } }
    #expect(call == nil && reply == nil)
  }

  @Test func `no part of a message is read beyond its end`() {
    let bytes = Self.encode(Self.calls[1]) + [0xff, 0xff]
    for end in 0..<bytes.count {
      // Whether it is one or not, what was read lies within.
      guard let record = bytes.withUnsafeBytes({ TrunkCallRecord($0, 0..<end) }) else { continue }
      for range in [record.path, record.request, record.requestID] {
        #expect(range.upperBound <= end)
      }
    }
  }
}
