import Protobuf
import TestMessages
import Testing

/// The same message, written by protoc in text format and by us in Swift, is the same bytes.
@Suite struct ProtocComparisonTests {
  private static let file = "sample/sample.proto"

  /// `Everything.full` in text format.
  private static let full = """
    int32_value: -1
    sint32_value: -2
    sfixed32_value: -3
    uint32_value: 4000000000
    fixed32_value: 5
    int64_value: -9223372036854775808
    sint64_value: -7
    sfixed64_value: 8
    uint64_value: 18446744073709551615
    fixed64_value: 10
    float_value: 1.5
    double_value: -2.25
    bool_value: true
    string_value: "na\\303\\257ve \\360\\237\\230\\200"
    bytes_value: "\\000\\001\\377"
    colour_value: COLOUR_GREEN
    inner_value { name: "inside" default: 3 template: "t" }
    int32_values: [1, -1, 2147483647]
    sint32_values: [-1, 1]
    sfixed32_values: -2147483648
    uint32_values: [0, 4294967295]
    fixed32_values: [1, 2]
    int64_values: [9223372036854775807, 0]
    sint64_values: -9223372036854775808
    sfixed64_values: [-5, 6]
    uint64_values: 1
    fixed64_values: [2, 3]
    float_values: 0.5
    double_values: [1, -1]
    bool_values: [true, false]
    string_values: ["", "two"]
    bytes_values: ["", "\\t"]
    colour_values: [COLOUR_RED, COLOUR_GREEN]
    inner_values { name: "a" }
    inner_values { name: "" }
    """

  @Test func `protoc writes the bytes that we write`() throws {
    let bytes = try Protoc.encode(Self.full, as: "sample.v1.Everything", in: Self.file)
    #expect(bytes == Everything.full.encoded)
    #expect(try Everything(decoded: bytes) == Everything.full)
  }

  @Test func `protoc reads what we write`() throws {
    let text = try Protoc.decode(
      Everything.full.encoded,
      as: "sample.v1.Everything",
      in: Self.file
    )
    let again = try Protoc.encode(text, as: "sample.v1.Everything", in: Self.file)
    #expect(again == Everything.full.encoded)
  }

  /// In proto3 repeated numbers are packed; whoever wrote the contract, readers take both.
  @Test func `packed and unpacked repeated numbers are both read`() throws {
    // int32_values (21), packed, though the contract does not say so.
    #expect(try Everything(decoded: [0xAA, 1, 3, 1, 2, 3]).int32Values == [1, 2, 3])
    // bool_values (33), one by one, though the contract says packed.
    #expect(try Everything(decoded: [0x88, 2, 1, 0x88, 2, 0]).boolValues == [true, false])
  }

  @Test func `the benchmark's messages have the sizes it is meant to have`() throws {
    let text = """
      valid: true code: "VALID"
      detail: "The license is valid for this product, this machine and these entitlements."
      account_id: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
      license_id: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c" expires_at: 1893456000
      max_machines: 5 machines: 2 nonce: 7
      """
    let bytes = try Protoc.encode(text, as: "peer.v1.ValidateResponse", in: "peer/peer.proto")
    let message = try ValidateResponse(decoded: bytes)
    #expect(message.expiresAt == 1_893_456_000)
    #expect(message.encoded == bytes)
  }
}
