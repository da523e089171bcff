internal import Glibc

/// The header or trailer fields of one message, in order, with lower-case names.
///
/// All bytes lie in one array, so a request with ten fields costs two allocations and not twenty; a reused
/// value costs none. Names and values are bytes on the wire and only become strings where somebody asks. The names that
/// we write are texts of the program and stay where they are.
public struct HeaderFields: Sendable {
  struct Entry: Sendable {
    /// The address of a name that is the program's own; zero where the name lies before the value.
    var nameAddress: UInt = 0
    var nameCount: Int32
    var valueStart: Int32
    var valueEnd: Int32
    /// Whether the value will hardly come again, so that HPACK need not remember it.
    var isOneOff = false
    /// Whether the value is not even remembered where that is the way to make its name known.
    var isSecret = false
  }

  private(set) var storage: [UInt8] = []
  private(set) var entries: [Entry] = []
  /// How many bytes the names have that are not in the storage.
  private var ownNameBytes = 0

  /// No fields.
  public init() {}

  /// No fields yet, but room for a few of usual length, so that adding them does not allocate anew for each.
  public init(roomFor count: Int) {
    storage.reserveCapacity(count * 48)
    entries.reserveCapacity(count)
  }

  /// Fields from text; names must be lower case.
  public init(_ fields: KeyValuePairs<StaticString, String>) {
    for (name, value) in fields { append(name, value) }
  }

  /// How many fields there are.
  public var count: Int { entries.count }
  /// Whether there is no field.
  public var isEmpty: Bool { entries.isEmpty }
  /// The size as HTTP/2 counts it: names, values, and 32 bytes a field.
  ///
  /// Source: RFC 9113, section 6.5.2.
  public var listBytes: Int { storage.count + ownNameBytes + 32 * entries.count }

  /// Removes all fields and keeps the memory.
  public mutating func removeAll() {
    storage.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    ownNameBytes = 0
  }

  /// Removes the last so many fields and keeps the memory.
  public mutating func removeLast(_ count: Int) {
    for entry in entries.suffix(count) where entry.nameAddress != 0 {
      ownNameBytes -= Int(entry.nameCount)
    }
    entries.removeLast(count)
    storage.removeLast(storage.count - Int(entries.last?.valueEnd ?? 0))
  }

  /// Adds a field; the name must be lower case.
  ///
  /// - Parameters:
  ///   - name: The field's name.
  ///   - value: The field's value.
  ///   - isOneOff: Whether the value will hardly come again on the connection. HPACK then leaves it out of its table, where
  ///     it would take the place of values that do come again, at an expense on both sides; and whoever can make one side
  ///     send chosen values learns nothing of it by their size (RFC 7541, section 7.1.3). The first value of a name on the
  ///     connection goes in with the name, which is then known.
  ///   - isSecret: Whether that must not be either.
  public mutating func append(
    _ name: StaticString,
    _ value: String,
    isOneOff: Bool = false,
    isSecret: Bool = false
  ) {
    if storage.capacity == 0 { self = HeaderFields(roomFor: 2) }
    let start = storage.count
    // A span, since `withUTF8` wants a variable, which counts a reference.
    value.utf8Span.span.withUnsafeBufferPointer { storage.append(contentsOf: $0) }
    note(name, start, isOneOff: isOneOff || isSecret, isSecret: isSecret)
  }

  /// Adds a field whose value is written in its place, at the end of the bytes that `write` is given; the name must be
  /// lower case.
  public mutating func append(_ name: StaticString, _ write: (inout [UInt8]) -> Void) {
    if storage.capacity == 0 { self = HeaderFields(roomFor: 2) }
    let start = storage.count
    write(&storage)
    note(name, start)
  }

  /// Adds a field from bytes; the name must be lower case.
  public mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    let start = storage.count
    storage.append(contentsOf: name)
    let nameEnd = storage.count
    storage.append(contentsOf: value)
    note(start, nameEnd)
  }

  /// Adds a field from bytes, with its name in lower case.
  mutating func append(lowercasing name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    let start = storage.count
    for byte in name { storage.append(byte.lowercased) }
    let nameEnd = storage.count
    storage.append(contentsOf: value)
    note(start, nameEnd)
  }

  /// Adds all fields of another value.
  public mutating func append(contentsOf other: HeaderFields) {
    if other.entries.isEmpty { return }
    let base = Int32(storage.count)
    storage.append(contentsOf: other.storage)
    ownNameBytes += other.ownNameBytes
    for var entry in other.entries {
      entry.valueStart += base
      entry.valueEnd += base
      entries.append(entry)
    }
  }

  /// Notes a field whose name is the program's own.
  private mutating func note(
    _ name: StaticString,
    _ valueStart: Int,
    isOneOff: Bool = false,
    isSecret: Bool = false
  ) {
    ownNameBytes += name.utf8CodeUnitCount
    entries.append(
      Entry(
        nameAddress: UInt(bitPattern: name.utf8Start),
        nameCount: Int32(name.utf8CodeUnitCount),
        valueStart: Int32(valueStart),
        valueEnd: Int32(storage.count),
        isOneOff: isOneOff,
        isSecret: isSecret
      )
    )
  }

  /// Notes a field whose name lies before its value.
  private mutating func note(_ start: Int, _ nameEnd: Int) {
    entries.append(
      Entry(
        nameCount: Int32(nameEnd - start),
        valueStart: Int32(nameEnd),
        valueEnd: Int32(storage.count)
      )
    )
  }

  /// The first value of a name as bytes of the wire.
  public func bytes(of name: StaticString) -> ArraySlice<UInt8>? {
    index(of: name).map { storage[entries[$0].value] }
  }

  /// Gives each value of a name to `body`, in order, as bytes of the wire.
  public func forEach(of name: StaticString, _ body: (ArraySlice<UInt8>) -> Void) {
    for entry in entries {
      let isNamed = storage.withUnsafeBytes { entry.name(in: $0).isEqual(to: name) }
      if isNamed { body(storage[entry.value]) }
    }
  }

  /// The first value of a name; nil where it is absent or not UTF-8.
  public subscript(_ name: StaticString) -> String? {
    bytes(of: name).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// Whether the first value of a name is exactly this text.
  public func has(_ name: StaticString, _ value: StaticString) -> Bool {
    guard let index = index(of: name) else { return false }
    return storage.withUnsafeBytes { $0.part(entries[index].value).isEqual(to: value) }
  }

  /// The name and value at an index, as text; what is not UTF-8 is repaired, so it is for display and copying only.
  public subscript(at index: Int) -> (name: String, value: String) {
    let entry = entries[index]
    return storage.withUnsafeBytes { bytes in
      (
        String(decoding: entry.name(in: bytes), as: UTF8.self),
        String(decoding: bytes.part(entry.value), as: UTF8.self)
      )
    }
  }

  /// How many fields have this name.
  public func count(of name: StaticString) -> Int {
    storage.withUnsafeBytes { bytes in
      entries.count { $0.name(in: bytes).isEqual(to: name) }
    }
  }

  /// Lends each field's name and value, in order.
  public func withBytes(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) {
    storage.withUnsafeBytes { bytes in
      for entry in entries {
        body(entry.name(in: bytes), bytes.part(entry.value))
      }
    }
  }

  private func index(of name: StaticString) -> Int? {
    storage.withUnsafeBytes { bytes in
      entries.firstIndex { $0.name(in: bytes).isEqual(to: name) }
    }
  }
}

extension HeaderFields.Entry {
  /// Where the value lies in the storage.
  var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }

  /// The name, of which the program's own live for good and others as long as the storage.
  func name(in storage: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    guard let own = UnsafeRawPointer(bitPattern: nameAddress) else {
      return storage.part(Int(valueStart - nameCount)..<Int(valueStart))
    }
    return UnsafeRawBufferPointer(start: own, count: Int(nameCount))
  }
}

extension UnsafeRawBufferPointer {
  /// Whether the bytes are those of a text.
  fileprivate func isEqual(to text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    guard let baseAddress else { return true }
    return memcmp(baseAddress, text.utf8Start, count) == 0
  }
}

extension HeaderFields: ExpressibleByDictionaryLiteral {
  /// Fields from text, in the order given; names must be lower case, and may come more than once.
  public init(dictionaryLiteral fields: (StaticString, String)...) {
    for (name, value) in fields { append(name, value) }
  }
}
