/// One header of a request, as it is sent.
public struct HeaderField: Hashable, Sendable {
  /// The name.
  public let name: String
  /// The value.
  public let value: String

  /// Makes a header.
  ///
  /// - Parameters:
  ///   - name: A token (RFC 9110, section 5.1).
  ///   - value: Printable ASCII. Everything that is sent comes from the program itself (ids, types, signatures), so
  ///     anything else is a mistake of ours and stops the process before a line break could add a header.
  public init(_ name: String, _ value: String) {
    precondition(
      !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") },
      "not a header's name"
    )
    precondition(
      !value.isEmpty && value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F },
      "not a header's value"
    )
    self.name = name
    self.value = value
  }
}
