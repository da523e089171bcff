public import CProtobufC
public import Faults
import Glibc

extension Arena {
  /// Unpacks a message; what it points to lives as long as the arena.
  ///
  /// Nothing of the contract is checked yet, not even that strings are UTF-8.
  ///
  /// - Parameters:
  ///   - bytes: The encoded message.
  ///   - schema: The message's schema.
  ///   - structure: The C structure that the schema describes.
  /// - Returns: The message.
  /// - Throws: ``Fault`` `invalidArgument` when the bytes are not a message, or are one that takes more memory
  ///   than the arena may have.
  public func unpack<Structure>(
    _ bytes: UnsafeRawBufferPointer,
    _ schema: MessageSchema,
    as structure: Structure.Type
  ) throws(Fault) -> UnsafePointer<Structure> {
    UnsafeRawPointer(try unpack(bytes, schema)).assumingMemoryBound(to: structure)
  }

  /// Unpacks a message of whatever type the schema describes.
  public func unpack(
    _ bytes: UnsafeRawBufferPointer,
    _ schema: MessageSchema
  ) throws(Fault) -> UnsafeMutablePointer<ProtobufCMessage> {
    // An empty message may come without an address, which protobuf-c does not expect.
    let start = bytes.baseAddress ?? UnsafeRawPointer(allocator)
    // Null when bytes are malformed, a length points beyond the end, or memory ran out.
    let message = protobuf_c_message_unpack(
      schema.descriptor,
      allocator,
      bytes.count,
      start.assumingMemoryBound(to: UInt8.self)
    )
    guard let message else {
      throw Fault(
        .invalidArgument,
        "The message cannot be read",
        reason: .validationError,
        detail: "not a \(schema.name) of \(bytes.count) bytes"
      )
    }
    return message
  }

  /// Checks what the contract limits; call it when strings are known to be good.
  public func check(_ message: UnsafeRawPointer, _ schema: MessageSchema) throws(Fault) {
    if schema.checks.isEmpty { return }
    var issues = Issues()
    schema.validate(message, &issues)
    if !issues.found.isEmpty { throw Fault.invalid(issues.found) }
  }

  /// Says why a message could not be made into a Swift value: bad strings, and whatever else is wrong.
  public func refusal(of message: UnsafeRawPointer, _ schema: MessageSchema) -> Fault {
    var issues = Issues()
    schema.collectBadText(message, &issues)
    // Constraints of strings that end too early mean nothing.
    if issues.found.isEmpty { schema.validate(message, &issues) }
    return Fault.invalid(issues.found)
  }

  /// The text of an unpacked string; nil when it contains NUL or is not UTF-8.
  public static func string(_ text: UnsafePointer<CChar>) -> String? {
    guard strlen(text) == size(of: text) - 1 else { return nil }
    // Not `String(validating:as:)`: its generic code looks up metadata for each string, 100 ns.
    return String(validatingCString: text)
  }

  /// The bytes of an unpacked field.
  public static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
    Array(UnsafeBufferPointer(start: data.data, count: data.len))
  }

  /// The texts of an unpacked repeated string; nil when one of them contains NUL or is not UTF-8.
  public static func strings(
    _ items: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ count: Int
  ) -> [String]? {
    values(items, count) { item in item.flatMap { string($0) } }
  }

  /// The values of an unpacked repeated message; nil when `read` says nil to one of them.
  @inlinable
  public static func messages<Structure, Value>(
    _ items: UnsafeMutablePointer<UnsafeMutablePointer<Structure>?>?,
    _ count: Int,
    _ read: (UnsafePointer<Structure>) -> Value?
  ) -> [Value]? {
    values(items, count) { item in item.flatMap { read($0) } }
  }

  /// The values of an unpacked repeated field; nil when `read` says nil to one of them.
  @inlinable
  public static func values<Item, Value>(
    _ items: UnsafeMutablePointer<Item>?,
    _ count: Int,
    _ read: (Item) -> Value?
  ) -> [Value]? {
    guard let items, count > 0 else { return [] }
    var values: [Value] = []
    values.reserveCapacity(count)
    for item in UnsafeBufferPointer(start: items, count: count) {
      guard let value = read(item) else { return nil }
      values.append(value)
    }
    return values
  }
}

extension MessageSchema {
  /// Finds the strings of an unpacked message that contain NUL or are not UTF-8.
  fileprivate func collectBadText(_ message: UnsafeRawPointer, _ issues: inout Issues) {
    for field in fields where field.isRepeated || field.isPresent(in: message) {
      let value = message + field.offset
      guard field.isRepeated else {
        field.collectBadText(value, of: self, &issues, at: nil)
        continue
      }
      guard let items = value.load(as: UnsafeRawPointer?.self) else { continue }
      let count = message.load(fromByteOffset: field.quantifierOffset, as: Int.self)
      for item in 0..<count {
        field.collectBadText(items + item * field.stride, of: self, &issues, at: item)
      }
    }
  }
}

extension FieldSchema {
  fileprivate func collectBadText(
    _ value: UnsafeRawPointer,
    of outer: MessageSchema,
    _ issues: inout Issues,
    at item: Int?
  ) {
    switch type {
    case PROTOBUF_C_TYPE_STRING:
      guard let text = value.load(as: UnsafePointer<CChar>?.self), Arena.string(text) == nil
      else { return }
      issues.add(self, item, "Must be UTF-8 text without NUL", .invalidString)
    case PROTOBUF_C_TYPE_MESSAGE:
      guard let message = value.load(as: UnsafeRawPointer?.self), let schema = contract.message
      else { return }
      issues.enter(index, of: outer, item: item)
      schema.collectBadText(message, &issues)
      issues.leave()
    default: break
    }
  }
}
