public import CProtobufC

/// One field of a message: where protobuf-c keeps it, and what the contract says of it.
public struct FieldSchema: Sendable {
  /// The position in the descriptor's and the schema's list of fields.
  public let index: Int
  /// The number on the wire.
  public let number: UInt32
  /// The name in the `.proto` file, such as `expires_at`.
  public let name: String
  /// The name in JSON and in the paths of issues, such as `expiresAt`.
  public let jsonName: String
  /// The type on the wire.
  public let type: ProtobufCType
  /// Whether the field holds any number of values.
  public let isRepeated: Bool
  /// Where the value lies in the C structure.
  public let offset: Int
  /// Where `has_NAME` or `n_NAME` lies in the C structure; meaningless for a singular string or message,
  /// whose presence is a pointer that is not null.
  public let quantifierOffset: Int
  /// What the contract's options say.
  public let contract: FieldContract

  init(
    index: Int,
    _ descriptor: UnsafePointer<ProtobufCFieldDescriptor>,
    _ contract: FieldContract
  ) {
    self.index = index
    number = descriptor.pointee.id
    name = String(cString: descriptor.pointee.name)
    jsonName = contract.jsonName
    type = descriptor.pointee.type
    isRepeated = descriptor.pointee.label == PROTOBUF_C_LABEL_REPEATED
    offset = Int(descriptor.pointee.offset)
    quantifierOffset = Int(descriptor.pointee.quantifier_offset)
    self.contract = contract
  }

  /// Bytes from one item of a repeated field to the next.
  public var stride: Int {
    switch type {
    case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32,
      PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_FLOAT,
      PROTOBUF_C_TYPE_BOOL, PROTOBUF_C_TYPE_ENUM:
      4
    case PROTOBUF_C_TYPE_BYTES: MemoryLayout<ProtobufCBinaryData>.stride
    default: 8
    }
  }

  /// Whether a singular field has a value in this message.
  public func isPresent(in message: UnsafeRawPointer) -> Bool {
    isValuePresent(in: message, type, offset, quantifierOffset)
  }
}

/// Whether a singular field of this type and place has a value.
@inline(__always)
func isValuePresent(
  in message: UnsafeRawPointer,
  _ type: ProtobufCType,
  _ offset: Int,
  _ quantifierOffset: Int
) -> Bool {
  switch type {
  case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_MESSAGE:
    message.load(fromByteOffset: offset, as: UnsafeRawPointer?.self) != nil
  default:
    message.load(fromByteOffset: quantifierOffset, as: protobuf_c_boolean.self) != 0
  }
}

/// What the options of a contract say of one field.
public struct FieldContract: Sendable {
  /// How a value looks in JSON, beyond what its type on the wire says.
  public enum Format: Sendable {
    case plain
    /// An `int64` of milliseconds since 1970; ISO 8601 with milliseconds and `Z` in JSON.
    case dateTime
    /// A string: a UUID in lower case.
    case uuid
    /// A string: an e-mail address.
    case email
    /// A `bytes` field with the text of one JSON object.
    case json
  }

  /// Where a REST request carries a field.
  public enum Place: Sendable {
    case body
    case path
    case query
    /// Filled with the JSON names that the body has, so that a PATCH tells absent from null.
    case presentNames
  }

  /// The name in JSON.
  public var jsonName: String
  /// Whether the value must be there.
  public var isRequired: Bool
  /// How the value looks in JSON.
  public var format: Format
  /// Where a REST request carries the value.
  public var place: Place
  /// Whether an absent value is left out of JSON answers instead of being `null`.
  public var isNeverNull: Bool
  /// Whether the value must not appear in logs.
  public var isSecret: Bool
  /// Limits of the length, in Unicode code points, of `bytes` in bytes.
  public var length: ClosedRange<Int>?
  /// The characters a string may consist of.
  public var characters: CharacterClass?
  /// Limits of a number.
  public var range: ClosedRange<Int64>?
  /// Limits of the count of a repeated field.
  public var items: ClosedRange<Int>?
  /// The values of an enum field.
  public var enumeration: EnumSchema?
  /// The schema of a message field.
  public var message: MessageSchema?

  /// Makes a contract; what is not given is not limited.
  public init(
    _ jsonName: String,
    isRequired: Bool = false,
    format: Format = .plain,
    place: Place = .body,
    isNeverNull: Bool = false,
    isSecret: Bool = false,
    length: ClosedRange<Int>? = nil,
    characters: CharacterClass? = nil,
    range: ClosedRange<Int64>? = nil,
    items: ClosedRange<Int>? = nil,
    enumeration: EnumSchema? = nil,
    message: MessageSchema? = nil
  ) {
    self.jsonName = jsonName
    self.isRequired = isRequired
    self.format = format
    self.place = place
    self.isNeverNull = isNeverNull
    self.isSecret = isSecret
    self.length = length
    self.characters = characters
    self.range = range
    self.items = items
    self.enumeration = enumeration
    self.message = message
  }
}
