import Faults
import Protobuf
import TestMessages
import Testing

/// Bytes that no well-meaning peer sends: each is refused with a fault, and none crashes, hangs or takes
/// memory without limit.
@Suite struct HostileBytesTests {
  @Test func `every prefix of a message is read or refused`() throws {
    let bytes = Everything.full.encoded
    for count in 0..<bytes.count {
      _ = try? Everything(decoded: Array(bytes[..<count]))
    }
    #expect(throws: Fault.self) { try Everything(decoded: Array(bytes.dropLast())) }
  }

  /// One byte changed at every place, in every bit, of a message with all kinds of fields.
  @Test func `every flipped bit is read or refused`() {
    var bytes = Everything.full.encoded
    for index in bytes.indices {
      for bit in 0..<8 {
        bytes[index] ^= 1 << UInt8(bit)
        _ = try? Everything(decoded: bytes)
        bytes[index] ^= 1 << UInt8(bit)
      }
    }
  }

  /// The seed is part of the name of each case, so that a failure can be repeated.
  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `random bytes are read or refused`(seed: UInt64) {
    var generator = SplitMix(state: seed)
    for _ in 0..<5_000 {
      let count = Int.random(in: 0..<64, using: &generator)
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      _ = try? Everything(decoded: bytes)
      _ = try? Constrained(decoded: bytes)
    }
  }

  @Test(
    arguments: [
      ("a length beyond the end", [0x72, 5, 0x61]),
      ("a length of 2^31 - 1", [0x72, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x61]),
      ("a length of 2^32 - 1", [0x72, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x61]),
      ("a length of 2^64 - 1", [0x72, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]),
      ("a varint of eleven bytes", [8] + [UInt8](repeating: 0xFF, count: 11)),
      ("a varint that does not end", [8, 0x80]),
      ("a tag of zero", [0, 0]),
      ("a group", [0x0B, 0x0C]),
      ("a wire type that is not one", [0x0F]),
      ("a string as a varint", [0x70, 1]),
      ("a varint as a string", [0x0A, 1, 1]),
      ("a nested message that is cut short", [0x8A, 1, 3, 0x0A, 5, 0x61]),
      ("a packed field that ends in a value", [0xB2, 1, 1, 0x80]),
    ] as [(String, [UInt8])]
  )
  func `malformed bytes are refused`(what: String, bytes: [UInt8]) throws {
    let fault = try #require(throws: Fault.self) { try Everything(decoded: bytes) }
    #expect(fault.code == .invalidArgument)
  }

  /// protobuf-c alone would cut such a string short.
  @Test func `a string with an embedded NUL is refused, with its path`() {
    #expect(Everything.issues(of: [0x72, 3, 0x61, 0, 0x62]) == ["stringValue invalid_string"])
    #expect(Everything.issues(of: [0x72, 1, 0]) == ["stringValue invalid_string"])
    #expect(
      Everything.issues(of: [0x92, 2, 1, 0x61, 0x92, 2, 2, 0x61, 0])
        == ["stringValues.1 invalid_string"]
    )
    // inner_values (37) with name "a\0", after one that is good.
    #expect(
      Everything.issues(of: [0xAA, 2, 3, 0x0A, 1, 0x61, 0xAA, 2, 4, 0x0A, 2, 0x61, 0])
        == ["innerValues.1.name invalid_string"]
    )
  }

  @Test(
    arguments: [
      [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0x80],
      [0xE0, 0x80, 0x80],
    ] as [[UInt8]]
  )
  func `a string that is not UTF-8 is refused`(text: [UInt8]) {
    let bytes = [0x72, UInt8(text.count)] + text
    #expect(Everything.issues(of: bytes) == ["stringValue invalid_string"])
  }

  @Test func `bytes may contain anything`() throws {
    #expect(try Everything(decoded: [0x7A, 3, 0, 0xFF, 0]).bytesValue == [0, 0xFF, 0])
  }

  @Test func `an unknown enum value is refused, singular and repeated`() {
    #expect(Everything.issues(of: [0x80, 1, 9]) == ["colourValue invalid_enum_value"])
    #expect(
      Everything.issues(of: [0xA0, 2, 1, 0xA0, 2, 0]) == ["colourValues.1 invalid_enum_value"]
    )
  }

  /// 2 bytes of message make some 60 bytes of structure; 4 MiB, the most that RPC accepts, is still bounded.
  @Test func `millions of empty nested messages are refused, not swallowed`() throws {
    let flood = [[UInt8]](repeating: [0xAA, 2, 0], count: 4 << 20 / 3).flatMap { $0 }
    let fault = try #require(throws: Fault.self) { try Everything(decoded: flood) }
    #expect(fault.issues.isEmpty, "refused for its memory, before any field was looked at")
  }

  /// Deep nesting cannot recurse: what a message does not know it skips without reading.
  @Test func `deeply nested bytes are skipped as one unknown field`() throws {
    var bytes: [UInt8] = []
    for _ in 0..<10_000 {
      var length = bytes.count
      var prefix: [UInt8] = [0xC2, 0x3E]  // field 1000, length-delimited
      while length > 0x7F {
        prefix.append(UInt8(length & 0x7F) | 0x80)
        length >>= 7
      }
      prefix.append(UInt8(length))
      bytes = prefix + bytes
    }
    #expect(try Everything(decoded: bytes) == Everything())
  }
}

/// A small generator of random numbers that a seed determines.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
