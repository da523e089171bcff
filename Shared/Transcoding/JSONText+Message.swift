internal import CProtobufC
internal import Glibc
internal import Primitives

extension JSONText {
  /// Writes an unpacked message as one object.
  ///
  /// A field without a value is `null`, or left out where the contract says that it is never null; a
  /// repeated one without values is `[]`.
  ///
  /// - Parameters:
  ///   - message: A message of the plan's type, its strings known to be UTF-8.
  ///   - plan: The plan made from that type's schema.
  mutating func message(_ message: UnsafeRawPointer, _ plan: ResponsePlan) {
    plan.fields.withUnsafeBufferPointer { fields in
      plan.values.withUnsafeBufferPointer { values in
        plan.text.withUnsafeBytes { text in
          let tables = Tables(fields: fields, values: values, text: text)
          object(message, tables, plan.root)
        }
      }
    }
  }

  /// The tables of a ``ResponsePlan``, borrowed, so that the walk retains nothing.
  private struct Tables {
    let fields: UnsafeBufferPointer<ResponsePlan.Field>
    let values: UnsafeBufferPointer<ResponsePlan.EnumValue>
    let text: UnsafeRawBufferPointer

    func text(_ range: Range<Int>) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: text[range])
    }
  }

  private mutating func object(_ message: UnsafeRawPointer, _ tables: Tables, _ range: Range<Int>) {
    beginObject()
    var isFirst = true
    for index in range {
      let field = tables.fields[index]
      let hasValue =
        field.isRepeated
        ? !field.isNeverNull || Self.count(field, in: message) > 0
        : Self.isPresent(field, in: message)
      if !hasValue, field.isNeverNull { continue }
      let prefix = hasValue ? field.name : field.null
      // The text brings its comma.
      bytes.append(contentsOf: tables.text(isFirst ? prefix.dropFirst() : prefix))
      isFirst = false
      guard hasValue else { continue }
      if field.isRepeated {
        repeated(field, in: message, tables)
      } else {
        value(field, at: message + field.offset, tables)
      }
    }
    endObject()
  }

  /// Whether a singular field has a value: a pointer that is not null, or its `has_` member.
  private static func isPresent(_ field: ResponsePlan.Field, in message: UnsafeRawPointer) -> Bool {
    switch field.kind {
    case .string, .message:
      message.load(fromByteOffset: field.offset, as: UnsafeRawPointer?.self) != nil
    default:
      message.load(fromByteOffset: field.quantifierOffset, as: protobuf_c_boolean.self) != 0
    }
  }

  /// How many items a repeated field has.
  private static func count(_ field: ResponsePlan.Field, in message: UnsafeRawPointer) -> Int {
    message.load(fromByteOffset: field.quantifierOffset, as: Int.self)
  }

  private mutating func repeated(
    _ field: ResponsePlan.Field,
    in message: UnsafeRawPointer,
    _ tables: Tables
  ) {
    beginArray()
    let count = Self.count(field, in: message)
    let items = message.load(fromByteOffset: field.offset, as: UnsafeRawPointer?.self)
    if count > 0, let items {
      for item in 0..<count { value(field, at: items + item * field.stride, tables) }
    }
    endArray()
  }

  private mutating func value(
    _ field: ResponsePlan.Field,
    at place: UnsafeRawPointer,
    _ tables: Tables
  ) {
    switch field.kind {
    case .string:
      let start = place.load(as: UnsafePointer<CChar>?.self)
      string(utf8: UnsafeRawBufferPointer(start: start, count: start.map { strlen($0) } ?? 0))
    case .bool: bool(place.load(as: protobuf_c_boolean.self) != 0)
    case .int64: integer(place.load(as: Int64.self))
    case .int32: integer(Int64(place.load(as: Int32.self)))
    case .uint32: integer(Int64(place.load(as: UInt32.self)))
    case .uint64: integer(place.load(as: UInt64.self))
    case .double: number(place.load(as: Double.self))
    case .float: number(place.load(as: Float.self))
    case .dateTime: timestamp(Timestamp(milliseconds: place.load(as: Int64.self)))
    case .enumeration: enumeration(field, place.load(as: Int32.self), tables)
    case .message:
      if let message = place.load(as: UnsafeRawPointer?.self) {
        object(message, tables, field.inner)
      }
    case .raw: json(place.load(as: ProtobufCBinaryData.self))
    case .base64:
      let data = place.load(as: ProtobufCBinaryData.self)
      string(Base64.encode(Array(UnsafeRawBufferPointer(start: data.data, count: data.len))))
    }
  }

  /// A number that the contract does not know is of a newer release and has no name here.
  private mutating func enumeration(
    _ field: ResponsePlan.Field,
    _ number: Int32,
    _ tables: Tables
  ) {
    for index in field.inner where tables.values[index].number == number {
      return raw(tables.text(tables.values[index].name))
    }
    null()
  }

  /// Services keep such fields as compact JSON, which was checked when it came in.
  private mutating func json(_ data: ProtobufCBinaryData) {
    guard data.len > 0 else { return verbatim("{}") }
    raw(UnsafeRawBufferPointer(start: data.data, count: data.len))
  }
}
