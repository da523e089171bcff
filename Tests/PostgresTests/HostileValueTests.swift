import Faults
import Primitives
import Testing

@testable import Postgres

/// Values that no server sends, and errors: nothing may crash or be read past its end.
@Suite struct HostileValueTests {
  private func decode<T: PostgresDecodable>(_ type: T.Type, _ bytes: [UInt8], _ oid: UInt32) throws
    -> T
  {
    try bytes.withUnsafeBytes { raw in try T.decode(Field(bytes: raw, type: oid)) }
  }

  @Test func `every cut and every changed byte of an array is refused or read, never trapped`()
    throws
  {
    var whole: [UInt8] = []
    _ = ["alpha", nil, "", "omega"].encode(to: &whole)
    for count in 0..<whole.count {
      #expect(throws: Fault.self) {
        try decode([String?].self, Array(whole[..<count]), PostgresType.textArray)
      }
    }
    var random = SplitMix(state: 7)
    for _ in 0..<5_000 {
      var changed = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        changed[Int.random(in: 0..<changed.count, using: &random)] = UInt8.random(
          in: 0...255,
          using: &random
        )
      }
      _ = try? decode([String?].self, changed, PostgresType.textArray)
      _ = try? decode([Int].self, changed, PostgresType.int8Array)
      _ = try? decode([UUID].self, changed, PostgresType.uuidArray)
      _ = try? decode([[UInt8]].self, changed, PostgresType.byteaArray)
    }
    // A count of two thousand million reserves nothing.
    var bomb = whole
    bomb.replaceSubrange(12..<16, with: [0x7f, 0xff, 0xff, 0xff])
    #expect(throws: Fault.self) { try decode([String?].self, bomb, PostgresType.textArray) }
    // Two dimensions are not flattened.
    bomb = whole
    bomb[3] = 2
    #expect(throws: Fault.self) { try decode([String?].self, bomb, PostgresType.textArray) }
  }

  @Test func `a scalar of the wrong size is refused`() {
    for count in [0, 1, 3, 5, 7, 9, 15, 17, 31, 33] {
      let bytes = [UInt8](repeating: 1, count: count)
      if count != 1 {
        #expect(throws: Fault.self) { try decode(Bool.self, bytes, PostgresType.bool) }
      }
      #expect(throws: Fault.self) { try decode(Int.self, bytes, PostgresType.int8) }
      #expect(throws: Fault.self) { try decode(UUID.self, bytes, PostgresType.uuid) }
      #expect(throws: Fault.self) { try decode(Timestamp.self, bytes, PostgresType.timestamptz) }
      #expect(throws: Fault.self) { try decode(Double.self, bytes, PostgresType.float8) }
      #expect(throws: Fault.self) { try decode(Digest.self, bytes, PostgresType.bytea) }
    }
    #expect(throws: Fault.self) { try decode(String.self, [0xff, 0xfe], PostgresType.text) }
    #expect(throws: Fault.self) { try decode(JSONB.self, [2, 0x7b, 0x7d], PostgresType.jsonb) }
    #expect(throws: Fault.self) {
      try decode(Environment.self, Array("prod".utf8), PostgresType.text)
    }
  }

  /// SQLSTATE, and the fault that callers get.
  @Test(
    arguments: [
      ("23505", Fault.Code.alreadyExists, Fault.Reason.conflict),
      ("23503", .failedPrecondition, .referenceNotFound),
      ("23514", .failedPrecondition, .constraintViolation),
      ("23502", .failedPrecondition, .constraintViolation),
      ("40001", .aborted, nil), ("40P01", .aborted, nil), ("55P03", .aborted, nil),
      ("57014", .deadlineExceeded, nil), ("57P01", .unavailable, .serviceUnavailable),
      ("53300", .unavailable, .serviceUnavailable), ("53100", .unavailable, .serviceUnavailable),
      ("25006", .unavailable, .serviceUnavailable), ("28P01", .unavailable, .serviceUnavailable),
      ("3D000", .unavailable, .serviceUnavailable), ("08006", .unavailable, .serviceUnavailable),
      ("22021", .invalidArgument, .validationError), ("22001", .invalidArgument, .validationError),
      ("22012", .internalError, nil), ("22P02", .internalError, nil),
      ("42601", .internalError, nil),
      ("42501", .internalError, nil), ("P0001", .internalError, nil),
      ("XX000", .internalError, nil),
    ] as [(String, Fault.Code, Fault.Reason?)]
  )
  func `errors of the server become faults by one table`(
    state: String,
    code: Fault.Code,
    reason: Fault.Reason?
  ) {
    let fault = Fault(ServerError(state: SQLState(state), message: "said with 'a value'"))
    #expect(fault.code == code)
    #expect(fault.reason == reason)
    #expect(!fault.description.contains("a value"))
    // What the server says of data quotes it, so that is not even in the log.
    #expect(String(reflecting: fault).contains("a value") == !state.hasPrefix("22"))
    #expect(fault.serverError?.state.code == state)
  }

  @Test func `a queue keeps its order through growth and wrapping`() {
    var queue = FIFO<Int>()
    var random = SplitMix(state: 3)
    var next = 0
    var expected = 0
    for _ in 0..<10_000 {
      if Int.random(in: 0..<5, using: &random) < 3, queue.count < 100 {
        queue.append(next)
        next += 1
      } else if let first = queue.first {
        let popped = queue.popFirst()
        #expect(popped == first && popped == expected)
        expected += 1
      }
      #expect(queue.count == next - expected)
    }
    #expect(queue.removeAll() == Array(expected..<next))
    #expect(queue.isEmpty && queue.first == nil)
  }
}
