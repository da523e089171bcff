public import HTTP
internal import Primitives

/// What travels beside the messages of a call: header and trailer fields.
public typealias Metadata = HeaderFields

extension HeaderFields {
  /// A binary value, of a name that ends in `-bin`; nil where it is absent or not base64.
  ///
  /// Source: gRPC, `doc/PROTOCOL-HTTP2.md`, "Custom-Metadata": padding is accepted and not sent.
  public func binary(_ name: StaticString) -> [UInt8]? {
    bytes(of: name).flatMap { value in
      value.withUnsafeBytes { Base64.decode($0, padding: .optional) }
    }
  }

  /// Adds a binary value, of which few are sent twice unless the caller says so; the name must end in `-bin`.
  public mutating func append(
    binary name: StaticString,
    _ value: [UInt8],
    isOneOff: Bool = true,
    isSecret: Bool = false
  ) {
    append(
      name,
      Base64.encode(value, padding: .optional),
      isOneOff: isOneOff,
      isSecret: isSecret
    )
  }
}
