internal import Glibc

/// The header or trailer fields of one message, in order, with lower-case names.
///
/// All bytes lie in one array, so a request with ten fields costs two allocations and not twenty; a reused
/// value costs none. Names and values are bytes on the wire and only become strings where somebody asks.
public struct HeaderFields: Sendable {
  struct Entry: Sendable {
    var start: Int32
    var nameEnd: Int32
    var valueEnd: Int32
    /// Whether the value will hardly come again, so that HPACK need not remember it.
    var isOneOff = false
  }

  private(set) var storage: [UInt8] = []
  private(set) var entries: [Entry] = []

  /// No fields.
  public init() {}

  /// No fields yet, but room for a few of usual length, so that adding them does not allocate anew for each.
  init(roomFor count: Int) {
    storage.reserveCapacity(count * 48)
    entries.reserveCapacity(count)
  }

  /// Fields from text; names must be lower case.
  public init(_ fields: KeyValuePairs<String, String>) {
    for (name, value) in fields { append(name, value) }
  }

  /// How many fields there are.
  public var count: Int { entries.count }
  /// Whether there is no field.
  public var isEmpty: Bool { entries.isEmpty }
  /// The size as HTTP/2 counts it: names, values, and 32 bytes a field.
  ///
  /// Source: RFC 9113, section 6.5.2.
  public var listBytes: Int { storage.count + 32 * entries.count }

  /// Removes all fields and keeps the memory.
  public mutating func removeAll() {
    storage.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
  }

  /// Adds a field; the name must be lower case.
  ///
  /// - Parameters:
  ///   - name: The field's name.
  ///   - value: The field's value.
  ///   - isOneOff: Whether the value will hardly come again on the connection. HPACK then leaves it out of its table, where
  ///     it would take the place of values that do come again, at an expense on both sides; and whoever can make one side
  ///     send chosen values learns nothing of it by their size (RFC 7541, section 7.1.3).
  public mutating func append(_ name: String, _ value: String, isOneOff: Bool = false) {
    if storage.capacity == 0 { self = HeaderFields(roomFor: 2) }
    let start = storage.count
    storage.append(contentsOf: name.utf8)
    let nameEnd = storage.count
    storage.append(contentsOf: value.utf8)
    note(start, nameEnd, isOneOff: isOneOff)
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
    let base = Int32(storage.count)
    storage.append(contentsOf: other.storage)
    for entry in other.entries {
      entries.append(
        Entry(
          start: entry.start + base,
          nameEnd: entry.nameEnd + base,
          valueEnd: entry.valueEnd + base,
          isOneOff: entry.isOneOff
        )
      )
    }
  }

  private mutating func note(_ start: Int, _ nameEnd: Int, isOneOff: Bool = false) {
    entries.append(
      Entry(
        start: Int32(start),
        nameEnd: Int32(nameEnd),
        valueEnd: Int32(storage.count),
        isOneOff: isOneOff
      )
    )
  }

  /// The first value of a name as bytes of the wire.
  public func bytes(of name: StaticString) -> ArraySlice<UInt8>? {
    index(of: name).map { storage[Int(entries[$0].nameEnd)..<Int(entries[$0].valueEnd)] }
  }

  /// Gives each value of a name to `body`, in order, as bytes of the wire.
  public func forEach(of name: StaticString, _ body: (ArraySlice<UInt8>) -> Void) {
    for entry in entries where matches(Int(entry.start)..<Int(entry.nameEnd), name) {
      body(storage[Int(entry.nameEnd)..<Int(entry.valueEnd)])
    }
  }

  /// The first value of a name; nil where it is absent or not UTF-8.
  public subscript(_ name: StaticString) -> String? {
    bytes(of: name).flatMap { String(validating: $0, as: UTF8.self) }
  }

  /// Whether the first value of a name is exactly this text.
  public func has(_ name: StaticString, _ value: StaticString) -> Bool {
    guard let index = index(of: name) else { return false }
    return matches(Int(entries[index].nameEnd)..<Int(entries[index].valueEnd), value)
  }

  /// The name and value at an index, as text; what is not UTF-8 is repaired, so it is for display and copying only.
  public subscript(at index: Int) -> (name: String, value: String) {
    let entry = entries[index]
    return (
      String(decoding: storage[Int(entry.start)..<Int(entry.nameEnd)], as: UTF8.self),
      String(decoding: storage[Int(entry.nameEnd)..<Int(entry.valueEnd)], as: UTF8.self)
    )
  }

  /// How many fields have this name.
  public func count(of name: StaticString) -> Int {
    entries.count { matches(Int($0.start)..<Int($0.nameEnd), name) }
  }

  /// Lends each field's name and value, in order.
  func withBytes(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) {
    storage.withUnsafeBytes { bytes in
      for entry in entries {
        body(
          bytes.part(Int(entry.start)..<Int(entry.nameEnd)),
          bytes.part(Int(entry.nameEnd)..<Int(entry.valueEnd))
        )
      }
    }
  }

  private func index(of name: StaticString) -> Int? {
    entries.firstIndex { matches(Int($0.start)..<Int($0.nameEnd), name) }
  }

  private func matches(_ range: Range<Int>, _ text: StaticString) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    return storage.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return true }
      return memcmp(base + range.lowerBound, text.utf8Start, range.count) == 0
    }
  }
}

extension HeaderFields: ExpressibleByDictionaryLiteral {
  /// Fields from text, in the order given; names must be lower case, and may come more than once.
  public init(dictionaryLiteral fields: (String, String)...) {
    for (name, value) in fields { append(name, value) }
  }
}
