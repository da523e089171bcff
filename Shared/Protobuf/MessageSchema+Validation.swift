public import CProtobufC
public import Faults
import Glibc

extension MessageSchema {
  /// Every way in which a message breaks its contract, outermost fields first; empty when it holds.
  ///
  /// Strings must end at their first NUL and be UTF-8, which whoever filled the message has made sure of.
  ///
  /// - Parameter message: A message of this schema's type, as protobuf-c unpacks it.
  /// - Returns: The issues, at most 100.
  public func validate(_ message: UnsafePointer<ProtobufCMessage>) -> [Fault.Issue] {
    var issues = Issues()
    validate(UnsafeRawPointer(message), &issues)
    return issues.found
  }

  func validate(_ message: UnsafeRawPointer, _ issues: inout Issues) {
    for position in checked {
      let field = fields[position]
      guard field.isRepeated else {
        let value = message + field.offset
        if field.isPresent(in: message) {
          field.validate(value, &issues, at: nil)
        } else if field.contract.isRequired {
          issues.add(field, nil, "Required", .invalidType)
        }
        continue
      }
      let count = message.load(fromByteOffset: field.quantifierOffset, as: Int.self)
      field.validate(count: count, &issues)
      guard let items = message.load(fromByteOffset: field.offset, as: UnsafeRawPointer?.self)
      else { continue }
      for item in 0..<count {
        field.validate(items + item * field.stride, &issues, at: item)
      }
    }
  }
}

/// The issues found so far, and the path to the message that is being looked at.
struct Issues {
  /// The stable kinds of problems that REST callers see.
  enum Kind: String {
    case invalidType = "invalid_type"
    case tooSmall = "too_small"
    case tooBig = "too_big"
    case invalidString = "invalid_string"
    case invalidEnumValue = "invalid_enum_value"
  }

  /// So many issues are told at once; a hostile list of a million bad items gets no million issues.
  static let countMax = 100

  var found: [Fault.Issue] = []
  var path: [String] = []

  mutating func add(_ field: FieldSchema, _ item: Int?, _ message: String, _ kind: Kind) {
    guard found.count < Self.countMax else { return }
    var path = path + [field.jsonName]
    if let item { path.append(String(item)) }
    found.append(Fault.Issue(path: path, message: message, code: kind.rawValue))
  }
}

extension FieldSchema {
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
    switch type {
    case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_MESSAGE:
      return message.load(fromByteOffset: offset, as: UnsafeRawPointer?.self) != nil
    default:
      return message.load(fromByteOffset: quantifierOffset, as: protobuf_c_boolean.self) != 0
    }
  }

  func validate(count: Int, _ issues: inout Issues) {
    if contract.isRequired, contract.items == nil, count == 0 {
      issues.add(self, nil, "Required", .invalidType)
    }
    guard let items = contract.items else { return }
    if count < items.lowerBound {
      issues.add(self, nil, "Must have at least \(items.lowerBound) item(s)", .tooSmall)
    } else if count > items.upperBound {
      issues.add(self, nil, "Must have at most \(items.upperBound) item(s)", .tooBig)
    }
  }

  func validate(_ value: UnsafeRawPointer, _ issues: inout Issues, at item: Int?) {
    switch type {
    case PROTOBUF_C_TYPE_STRING:
      guard let text = value.load(as: UnsafePointer<UInt8>?.self) else { return }
      validate(UnsafeBufferPointer(start: text, count: strlen(text)), &issues, at: item)
    case PROTOBUF_C_TYPE_BYTES:
      validate(length: value.load(as: ProtobufCBinaryData.self).len, "byte(s)", &issues, at: item)
    case PROTOBUF_C_TYPE_MESSAGE:
      guard let message = value.load(as: UnsafeRawPointer?.self), let schema = contract.message
      else { return }
      let depth = issues.path.count
      issues.path.append(jsonName)
      if let item { issues.path.append(String(item)) }
      schema.validate(message, &issues)
      issues.path.removeSubrange(depth...)
    case PROTOBUF_C_TYPE_ENUM:
      let number = value.load(as: Int32.self)
      if let enumeration = contract.enumeration, enumeration.name(of: number) == nil {
        issues.add(self, item, "Unknown value", .invalidEnumValue)
      }
    default:
      if let number = integer(at: value) { validate(number, &issues, at: item) }
    }
  }

  private func validate(_ number: Int64, _ issues: inout Issues, at item: Int?) {
    if contract.format == .dateTime, !Self.milliseconds.contains(number) {
      issues.add(self, item, "Must be a time in the years 1 to 9999", .invalidString)
    }
    guard let range = contract.range else { return }
    if number < range.lowerBound {
      issues.add(self, item, "Must be at least \(range.lowerBound)", .tooSmall)
    } else if number > range.upperBound {
      issues.add(self, item, "Must be at most \(range.upperBound)", .tooBig)
    }
  }

  private func validate(
    _ text: UnsafeBufferPointer<UInt8>,
    _ issues: inout Issues,
    at item: Int?
  ) {
    if contract.length != nil {
      // Each code point has exactly one byte that is not a continuation byte (10xxxxxx).
      let length = text.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
      validate(length: length, "character(s)", &issues, at: item)
    }
    if let characters = contract.characters, !text.allSatisfy(characters.contains) {
      issues.add(self, item, "Only characters of \(characters.text) are allowed", .invalidString)
    }
    switch contract.format {
    case .uuid where !text.isUUID:
      issues.add(self, item, "Must be a UUID", .invalidString)
    case .email where !text.isEmailAddress:
      issues.add(self, item, "Must be an e-mail address", .invalidString)
    case .plain, .dateTime, .uuid, .email, .json: break
    }
  }

  private func validate(length: Int, _ unit: String, _ issues: inout Issues, at item: Int?) {
    guard let limits = contract.length else { return }
    if length < limits.lowerBound {
      issues.add(self, item, "Must have at least \(limits.lowerBound) \(unit)", .tooSmall)
    } else if length > limits.upperBound {
      issues.add(self, item, "Must have at most \(limits.upperBound) \(unit)", .tooBig)
    }
  }

  /// The times that ISO 8601 writes with a year of four digits: 0001-01-01 to 9999-12-31.
  private static let milliseconds: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999

  /// The value of an integer field; unsigned values beyond Int64 count as its largest.
  private func integer(at value: UnsafeRawPointer) -> Int64? {
    switch type {
    case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32:
      Int64(value.load(as: Int32.self))
    case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32:
      Int64(value.load(as: UInt32.self))
    case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_SFIXED64:
      value.load(as: Int64.self)
    case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64:
      Int64(clamping: value.load(as: UInt64.self))
    default: nil
    }
  }
}
