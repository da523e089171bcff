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
    checks.withUnsafeBufferPointer { checks in
      guard var check = checks.baseAddress else { return }
      for _ in 0..<checks.count {
        validate(check, of: message, &issues)
        check += 1
      }
    }
  }

  @inline(__always)
  private func validate(
    _ check: UnsafePointer<FieldCheck>,
    of message: UnsafeRawPointer,
    _ issues: inout Issues
  ) {
    let value = message + check.pointee.offset
    guard check.pointee.isRepeated else {
      if check.pointee.isPresent(in: message) {
        validate(value, check, &issues, at: nil)
      } else if check.pointee.isRequired {
        issues.add(field(check), nil, "Required", .invalidType)
      }
      return
    }
    let count = message.load(fromByteOffset: check.pointee.quantifierOffset, as: Int.self)
    validate(count: count, check, &issues)
    guard let items = value.load(as: UnsafeRawPointer?.self) else { return }
    for item in 0..<count {
      validate(items + item * check.pointee.stride, check, &issues, at: item)
    }
  }

  private func field(_ check: UnsafePointer<FieldCheck>) -> FieldSchema {
    fields[check.pointee.index]
  }

  private func validate(
    count: Int,
    _ check: UnsafePointer<FieldCheck>,
    _ issues: inout Issues
  ) {
    let least = check.pointee.itemsMin
    let most = check.pointee.itemsMax
    if check.pointee.isRequired, count == 0 {
      issues.add(field(check), nil, "Required", .invalidType)
    } else if count < least {
      issues.add(field(check), nil, "Must have at least \(least) item(s)", .tooSmall)
    } else if count > most {
      issues.add(field(check), nil, "Must have at most \(most) item(s)", .tooBig)
    }
  }

  private func validate(
    _ value: UnsafeRawPointer,
    _ check: UnsafePointer<FieldCheck>,
    _ issues: inout Issues,
    at item: Int?
  ) {
    switch check.pointee.type {
    case PROTOBUF_C_TYPE_STRING:
      guard let text = value.load(as: UnsafePointer<UInt8>?.self) else { return }
      validate(UnsafeBufferPointer(start: text, count: strlen(text)), check, &issues, at: item)
    case PROTOBUF_C_TYPE_BYTES:
      let count = value.load(as: ProtobufCBinaryData.self).len
      validate(length: count, "byte(s)", check, &issues, at: item)
    case PROTOBUF_C_TYPE_MESSAGE:
      guard let message = value.load(as: UnsafeRawPointer?.self),
        let schema = check.pointee.message
      else { return }
      issues.enter(check.pointee.index, of: self, item: item)
      schema._withUnsafeGuaranteedRef { $0.validate(message, &issues) }
      issues.leave()
    case PROTOBUF_C_TYPE_ENUM:
      let number = value.load(as: Int32.self)
      guard let enumeration = check.pointee.enumeration else { return }
      if !enumeration._withUnsafeGuaranteedRef({ $0.contains(number) }) {
        issues.add(field(check), item, "Unknown value", .invalidEnumValue)
      }
    default:
      if let number = check.pointee.integer(at: value) {
        validate(number, check, &issues, at: item)
      }
    }
  }

  private func validate(
    _ number: Int64,
    _ check: UnsafePointer<FieldCheck>,
    _ issues: inout Issues,
    at item: Int?
  ) {
    guard number < check.pointee.min || number > check.pointee.max else { return }
    if check.pointee.format == .dateTime {
      issues.add(field(check), item, "Must be a time in the years 1 to 9999", .invalidString)
    } else if number < check.pointee.min {
      issues.add(field(check), item, "Must be at least \(check.pointee.min)", .tooSmall)
    } else {
      issues.add(field(check), item, "Must be at most \(check.pointee.max)", .tooBig)
    }
  }

  private func validate(
    _ text: UnsafeBufferPointer<UInt8>,
    _ check: UnsafePointer<FieldCheck>,
    _ issues: inout Issues,
    at item: Int?
  ) {
    // A text has at most as many code points as bytes, so most texts need no counting.
    if check.pointee.hasLength,
      text.count > check.pointee.lengthMax || text.count < check.pointee.lengthMin * 4
    {
      validate(length: text.codePointCount, "character(s)", check, &issues, at: item)
    }
    if check.pointee.hasCharacters, !check.pointee.allows(text),
      let characters = field(check).contract.characters
    {
      let message = "Only characters of \(characters.text) are allowed"
      issues.add(field(check), item, message, .invalidString)
    }
    switch check.pointee.format {
    case .uuid where !text.isUUID:
      issues.add(field(check), item, "Must be a UUID", .invalidString)
    case .email where !text.isEmailAddress:
      issues.add(field(check), item, "Must be an e-mail address", .invalidString)
    case .plain, .dateTime, .uuid, .email, .json: break
    }
  }

  private func validate(
    length: Int,
    _ unit: String,
    _ check: UnsafePointer<FieldCheck>,
    _ issues: inout Issues,
    at item: Int?
  ) {
    let least = check.pointee.lengthMin
    let most = check.pointee.lengthMax
    if length < least {
      issues.add(field(check), item, "Must have at least \(least) \(unit)", .tooSmall)
    } else if length > most {
      issues.add(field(check), item, "Must have at most \(most) \(unit)", .tooBig)
    }
  }
}
