internal import CProtobufC
internal import Faults
internal import Primitives
internal import Protobuf

extension RequestReader {
  /// Reads what the path and the query carry.
  ///
  /// A field that is not repeated may be given once.
  mutating func read(
    _ parameters: [RequestParameter],
    into message: UnsafeMutablePointer<ProtobufCMessage>,
    _ plan: RequestPlan
  ) {
    for (position, parameter) in parameters.enumerated() {
      let field = plan.fields[parameter.field]
      let earlier = parameters[..<position].contains { $0.field == parameter.field }
      // A repeated field takes all of its values at the first of them.
      if field.schema.isRepeated, earlier { continue }
      issues.path.append(field.schema.jsonName)
      if field.schema.isRepeated {
        readAll(parameters.filter { $0.field == parameter.field }, into: message, field)
      } else if earlier {
        issues.add(.custom, "Given more than once")
      } else if read(parameter, to: UnsafeMutableRawPointer(message) + field.schema.offset, field) {
        markPresent(field.schema, in: message)
      }
      issues.path.removeLast()
    }
  }

  private mutating func readAll(
    _ parameters: [RequestParameter],
    into message: UnsafeMutablePointer<ProtobufCMessage>,
    _ field: RequestPlan.Field
  ) {
    let items = allocate(bytes: parameters.count * field.schema.stride)
    for (index, parameter) in parameters.enumerated() {
      issues.path.append(String(index))
      _ = read(parameter, to: items + index * field.schema.stride, field)
      issues.path.removeLast()
    }
    let base = UnsafeMutableRawPointer(message)
    base.storeBytes(of: items, toByteOffset: field.schema.offset, as: UnsafeMutableRawPointer.self)
    base.storeBytes(of: parameters.count, toByteOffset: field.schema.quantifierOffset, as: Int.self)
  }

  private mutating func read(
    _ parameter: RequestParameter,
    to place: UnsafeMutableRawPointer,
    _ field: RequestPlan.Field
  ) -> Bool {
    guard let value = parameter.value else {
      issues.add(.invalidString, "Malformed percent-encoding")
      return false
    }
    // JSON text has been checked by its parser; this has not. C would cut a string at NUL.
    guard !value.contains(0), String(validating: value, as: UTF8.self) != nil else {
      issues.add(.invalidString, "Must be UTF-8 without U+0000")
      return false
    }
    return value.withUnsafeBytes { bytes in
      readParameter(bytes, to: place, field)
    }
  }

  private mutating func readParameter(
    _ text: UnsafeRawBufferPointer,
    to place: UnsafeMutableRawPointer,
    _ field: RequestPlan.Field
  ) -> Bool {
    switch field.schema.type {
    case PROTOBUF_C_TYPE_BOOL:
      switch String(decoding: text, as: UTF8.self) {
      case "true": place.storeBytes(of: 1, as: protobuf_c_boolean.self)
      case "false": place.storeBytes(of: 0, as: protobuf_c_boolean.self)
      default:
        issues.add(.invalidType, "Expected boolean, received string")
        return false
      }
      return true
    case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_ENUM, PROTOBUF_C_TYPE_BYTES:
      return read(text: text, to: place, field)
    default:
      if field.schema.contract.format == .dateTime { return read(text: text, to: place, field) }
      guard let number = Int64(String(decoding: text, as: UTF8.self)) else {
        issues.add(.invalidType, "Expected integer, received string")
        return false
      }
      return store(number, to: place, field.schema)
    }
  }

  /// Reads text that is valid UTF-8 without NUL, wherever it came from.
  mutating func read(
    text: UnsafeRawBufferPointer,
    to place: UnsafeMutableRawPointer,
    _ field: RequestPlan.Field
  ) -> Bool {
    switch (field.schema.type, field.schema.contract.format) {
    case (PROTOBUF_C_TYPE_STRING, let format):
      let copy = copy(text)
      if format == .uuid { Self.lowercase(copy, count: text.count) }
      place.storeBytes(of: copy, as: UnsafeMutableRawPointer.self)
      return true
    case (PROTOBUF_C_TYPE_ENUM, _):
      return readEnumeration(text, to: place, field)
    case (PROTOBUF_C_TYPE_BYTES, .json):
      return read(json: text, to: place)
    case (PROTOBUF_C_TYPE_BYTES, _):
      guard let bytes = Base64.decode(text) else {
        issues.add(.invalidString, "Must be base 64")
        return false
      }
      bytes.withUnsafeBytes { store($0, to: place) }
      return true
    default:
      guard let moment = Timestamp(iso8601: text) else {
        issues.add(.invalidString, "Must be a time in ISO 8601, such as 2026-01-15T10:30:00.000Z")
        return false
      }
      place.storeBytes(of: moment.milliseconds, as: Int64.self)
      return true
    }
  }

  /// Reads the text of a JSON object that is itself a value.
  private mutating func read(
    json text: UnsafeRawBufferPointer,
    to place: UnsafeMutableRawPointer
  ) -> Bool {
    do throws(Fault) {
      let document = try JSONDocument(parsing: text)
      return storeObject(document.root, to: place)
    } catch {
      issues.add(.invalidString, error.issues.first?.message ?? error.message)
      return false
    }
  }

  private mutating func readEnumeration(
    _ text: UnsafeRawBufferPointer,
    to place: UnsafeMutableRawPointer,
    _ field: RequestPlan.Field
  ) -> Bool {
    guard let enumeration = field.schema.contract.enumeration,
      let number = enumeration.number(named: String(decoding: text, as: UTF8.self))
    else {
      let names = field.schema.contract.enumeration?.values.map { "'\($0.name)'" } ?? []
      issues.add(
        .invalidEnumValue,
        "Invalid enum value. Expected \(names.joined(separator: " | "))"
      )
      return false
    }
    place.storeBytes(of: number, as: Int32.self)
    return true
  }

  private static func lowercase(_ text: UnsafeMutableRawPointer, count: Int) {
    for index in 0..<count {
      let byte = text.load(fromByteOffset: index, as: UInt8.self)
      if (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) {
        text.storeBytes(of: byte | 0x20, toByteOffset: index, as: UInt8.self)
      }
    }
  }
}
