internal import Primitives

/// A statement as it is published and kept.
struct StoredStatement: Equatable, Sendable {
  /// Which statement it is; the raw values are the database's.
  enum Kind: String, Sendable {
    case keyset, succession, revocations
  }

  var kind: Kind
  /// Which only grows.
  var number: Int64
  /// SHA-256 of what it says, to tell whether it says so still.
  var contentHash: [UInt8]
  /// The keys that it names.
  var keyIDs: [String]
  /// The statement with its markers.
  var text: String
  var issuedAt: Timestamp
}
