internal import Faults
internal import Primitives

/// The public form of an event's id: `evt_` and 32 hexadecimal digits.
///
/// Source: the REST contract, section 5.3.
enum EventID {
  static let prefix = "evt_"

  /// What receivers and readers see.
  static func text(_ id: UUID) -> String { prefix + Hex.encode(id.bytes) }

  /// Reads an id with or without the prefix, and as a UUID.
  ///
  /// - Throws: ``Fault`` `invalidArgument` that names `id`.
  static func parse(_ text: String) throws(Fault) -> UUID {
    let digits = text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
    if let id = UUID(digits) { return id }
    guard digits.utf8.count == 2 * UUID.byteCount, let bytes = Hex.decode(digits),
      let id = UUID(bytes: bytes)
    else {
      throw .invalid([
        Fault.Issue(
          path: ["id"],
          message: "Must be an event's id, such as evt_6f1c0a7be2d94c0f8a35d1b7e9024c6d",
          code: "invalid_string"
        )
      ])
    }
    return id
  }
}

extension UUID {
  /// The moment that a UUIDv7 was made for.
  var moment: Timestamp { Timestamp(milliseconds: Int64(high >> 16)) }
}
