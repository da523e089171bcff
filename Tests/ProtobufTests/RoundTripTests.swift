import Protobuf
import TestMessages
import Testing

@Suite struct RoundTripTests {
  @Test func `every kind of field comes back as it was`() throws {
    #expect(try Everything(decoded: Everything.full.encoded) == Everything.full)
  }

  @Test func `an empty message is no bytes, and no bytes are an empty message`() throws {
    #expect(Everything().encoded.isEmpty)
    #expect(try Everything(decoded: []) == Everything())
    #expect(try Everything(decoding: UnsafeRawBufferPointer(start: nil, count: 0)) == Everything())
  }

  @Test func `encoding appends to what is there`() {
    var bytes: [UInt8] = [1, 2, 3]
    Everything(int32Value: 7).encode(appendingTo: &bytes)
    #expect(bytes == [1, 2, 3, 8, 7])
  }

  /// Zero and absent differ in our contracts.
  @Test func `explicit presence keeps zero and empty apart from absent`() throws {
    let zeros = Everything(
      int32Value: 0,
      floatValue: 0,
      boolValue: false,
      stringValue: "",
      bytesValue: []
    )
    let decoded = try Everything(decoded: zeros.encoded)
    #expect(decoded == zeros)
    #expect(decoded.int32Value == 0)
    #expect(decoded.stringValue == "")
    #expect(decoded.bytesValue == [])
    #expect(decoded.int64Value == nil)
  }

  /// Contracts that others published in proto3 do not write zero.
  @Test func `implicit presence does not write zero, and reads absent as zero`() throws {
    #expect(ValidateResponse().encoded.isEmpty)
    let decoded = try SimpleRequest(decoded: [])
    #expect(decoded.responseSize == 0)
    #expect(decoded.responseType == .compressable)
    #expect(decoded.payload == nil)
    let empty = SimpleRequest(payload: Payload())
    #expect(empty.encoded == [0x1A, 0])
    #expect(try SimpleRequest(decoded: empty.encoded) == empty)
  }

  /// A 32-bit length would do, but nothing here assumes it.
  @Test func `a message of many megabytes comes back`() throws {
    let large = Everything(
      stringValue: String(repeating: "ü", count: 1 << 20),
      bytesValue: [UInt8](repeating: 7, count: 3 << 20),
      stringValues: (0..<10_000).map { "item \($0)" }
    )
    #expect(try Everything(decoded: large.encoded) == large)
  }

  @Test func `a field of a newer contract is passed over`() throws {
    let unknown: [UInt8] = [0xF8, 0x7F, 1]  // field 2047, varint 1
    let decoded = try Everything(decoded: Everything(int32Value: 5).encoded + unknown)
    #expect(decoded == Everything(int32Value: 5))
  }

  @Test func `the last of several values of a singular field holds`() throws {
    let decoded = try Everything(
      decoded: Everything(stringValue: "first").encoded + Everything(stringValue: "second").encoded
    )
    #expect(decoded.stringValue == "second")
  }

  @Test func `raw bytes are passed on as they are`() throws {
    let bytes: [UInt8] = [0xFF, 0, 1]
    #expect(try RawMessage(decoded: bytes).encoded == bytes)
  }

  /// Encoders and decoders share one spare block of memory.
  @Test func `messages can be read and written on many threads at once`() async throws {
    try await withThrowingTaskGroup { group in
      for number in 0..<8 {
        group.addTask {
          for round in 0..<500 {
            let value = Everything(int64Value: Int64(number), stringValue: "\(number) \(round)")
            let decoded = try Everything(decoded: value.encoded)
            #expect(decoded == value)
          }
        }
      }
      try await group.waitForAll()
    }
  }
}
