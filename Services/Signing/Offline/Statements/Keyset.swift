public import Cryptography
public import Primitives

/// The keys of an account's environment, as one statement: signed day by day by the active key, or now and then by the
/// root.
///
/// - A **succession** is signed by the root, whose private half is kept away from every server. It says which keys
///   count at all, so that an application that embeds only the root accepts keys made after it was shipped.
/// - A **keyset** is signed by the active key. It says what has become of those keys since, and can make none count.
public struct Keyset: Sendable, Equatable {
  /// Which of the two statements it is.
  public enum Kind: Sendable {
    /// By the root.
    case succession
    /// By the active key.
    case keyset

    var statement: Statement.Kind {
      switch self {
      case .succession: .succession
      case .keyset: .keyset
      }
    }
  }

  /// Whose keys they are.
  public var accountID: UUID
  /// Of which data set.
  public var environment: Environment
  /// The statement's number, which only grows from one statement of a kind to the next; at least 1.
  public var number: Int64
  /// When the statement was made.
  public var issuedAt: Timestamp
  /// All keys, each once.
  public var keys: [SigningKeyRecord]

  /// The most keys of one environment: weekly rotations for two years.
  public static let keysMax = 100

  /// Makes a keyset.
  public init(
    accountID: UUID,
    environment: Environment,
    number: Int64,
    issuedAt: Timestamp,
    keys: [SigningKeyRecord]
  ) {
    self.accountID = accountID
    self.environment = environment
    self.number = number
    self.issuedAt = issuedAt
    self.keys = keys
  }

  /// Makes the statement that is to be signed.
  ///
  /// - Parameters:
  ///   - kind: Which of the two.
  ///   - signer: The root for a succession, the active key for a keyset.
  /// - Returns: The statement but for its signature.
  public func unsigned(as kind: Kind, signer: Ed25519PublicKey) -> UnsignedDocument {
    precondition(keys.count <= Self.keysMax, "too many keys for one statement")
    return Statement.unsigned(
      kind.statement,
      keyID: signer.id,
      accountID: accountID,
      environment: environment,
      number: number,
      issuedAt: issuedAt
    ) { writer in
      writer.member("keys", objects: keys) { $1.write(to: &$0) }
    }
  }

  init(_ statement: Statement) throws(Refusal) {
    accountID = statement.accountID
    environment = statement.environment
    number = statement.number
    issuedAt = statement.issuedAt
    keys = []
    for fields in try statement.fields.objects("keys", countMax: Self.keysMax) {
      let key = try SigningKeyRecord(fields)
      guard record(of: key.publicKey.id) == nil else {
        throw Refusal(.malformed, "a key is listed twice")
      }
      keys.append(key)
    }
  }

  /// The record of the key with a name.
  public func record(of keyID: String) -> SigningKeyRecord? {
    keys.first { $0.publicKey.id == keyID }
  }
}
