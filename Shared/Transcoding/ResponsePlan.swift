internal import CProtobufC
public import Protobuf

/// How messages of one type become JSON, worked out once so that writing one is a walk over a flat table.
///
/// The table is plain numbers over one block of bytes: walking it touches no reference count, which would
/// otherwise cost more than the writing.
public final class ResponsePlan: Sendable {
  /// What one field's bytes in the C structure are, and so how they are written.
  enum Kind: UInt8 {
    case bool, int32, uint32, int64, uint64, float, double, enumeration
    case string, base64, raw, dateTime, message
  }

  /// One field; offsets are into the C structure, ranges into the plan's tables.
  struct Field {
    var kind: Kind
    var isRepeated: Bool
    var isNeverNull: Bool
    var offset: Int
    var quantifierOffset: Int
    var stride: Int
    /// `,"name":` within the plan's text; the first field of an object goes without the comma.
    var name: Range<Int>
    /// `,"name":null` likewise.
    var null: Range<Int>
    /// The fields of a message, or the values of an enum.
    var inner: Range<Int>
  }

  /// One value of an enum.
  struct EnumValue {
    var number: Int32
    /// `"name"` within the plan's text.
    var name: Range<Int>
  }

  /// What the outermost message type is.
  let schema: MessageSchema
  /// The fields of every message in the tree, each message's in one piece.
  let fields: [Field]
  /// The values of every enum in the tree, each enum's in one piece.
  let values: [EnumValue]
  /// The names of fields and values, ready to be copied out.
  let text: [UInt8]
  /// The fields of the outermost message.
  let root: Range<Int>

  /// Works out the plan for a schema and those it contains.
  ///
  /// - Parameters:
  ///   - schema: The outermost message.
  ///   - omitsSecrets: Whether fields that the contract calls secret are left out, as in whatever is kept.
  public init(_ schema: MessageSchema, omitsSecrets: Bool = false) {
    self.schema = schema
    var builder = Builder(omitsSecrets: omitsSecrets)
    root = builder.add(schema)
    fields = builder.fields
    values = builder.values
    text = builder.text
  }
}

extension ResponsePlan {
  private struct Builder {
    var fields: [Field] = []
    var values: [EnumValue] = []
    var text: [UInt8] = []
    let omitsSecrets: Bool

    init(omitsSecrets: Bool) { self.omitsSecrets = omitsSecrets }

    mutating func add(_ schema: MessageSchema) -> Range<Int> {
      let start = fields.count
      let shown = schema.fields.filter { !omitsSecrets || !$0.contract.isSecret }
      for field in shown { fields.append(plan(field)) }
      // Messages within this one come after it; contracts never contain themselves, so this ends.
      for (index, field) in shown.enumerated() {
        if let message = field.contract.message { fields[start + index].inner = add(message) }
      }
      return start..<(start + shown.count)
    }

    private mutating func plan(_ field: FieldSchema) -> Field {
      var inner = 0..<0
      if let enumeration = field.contract.enumeration {
        let first = values.count
        for value in enumeration.values {
          values.append(EnumValue(number: value.number, name: append { $0.string(value.name) }))
        }
        inner = first..<values.count
      }
      return Field(
        kind: Self.kind(of: field),
        isRepeated: field.isRepeated,
        isNeverNull: field.contract.isNeverNull,
        offset: field.offset,
        quantifierOffset: field.quantifierOffset,
        stride: field.stride,
        name: append { $0.member(field.jsonName) },
        null: append {
          $0.member(field.jsonName)
          $0.null()
        },
        inner: inner
      )
    }

    /// Adds a piece of text and says where it lies.
    private mutating func append(_ write: (inout JSONText) -> Void) -> Range<Int> {
      var piece = JSONText(capacity: 32)
      write(&piece)
      text += piece.bytes
      return (text.count - piece.bytes.count)..<text.count
    }

    private static func kind(of field: FieldSchema) -> Kind {
      switch field.type {
      case PROTOBUF_C_TYPE_BOOL: .bool
      case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32: .int32
      case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32: .uint32
      case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_SFIXED64:
        field.contract.format == .dateTime ? .dateTime : .int64
      case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64: .uint64
      case PROTOBUF_C_TYPE_FLOAT: .float
      case PROTOBUF_C_TYPE_DOUBLE: .double
      case PROTOBUF_C_TYPE_ENUM: .enumeration
      case PROTOBUF_C_TYPE_STRING: .string
      case PROTOBUF_C_TYPE_BYTES: field.contract.format == .json ? .raw : .base64
      case PROTOBUF_C_TYPE_MESSAGE: .message
      default: preconditionFailure("\(field.name) has a type that protobuf-c does not name.")
      }
    }
  }
}
