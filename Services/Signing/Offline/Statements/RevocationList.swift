public import Cryptography
public import Primitives

/// The serials of license files that are not to be accepted any more, for verifiers without a network.
///
/// A serial may be left out once its file has expired.
public struct RevocationList: Sendable, Equatable {
  /// Whose files they are.
  public var accountID: UUID
  /// Of which data set.
  public var environment: Environment
  /// The list's number, which only grows; at least 1.
  public var number: Int64
  /// When the list was made.
  public var issuedAt: Timestamp
  /// The serials, rising.
  public var serials: [Int64]
  /// Where the list begins; 1 as long as all revoked files have room.
  ///
  /// Files with a lower serial are not accepted either, since the list cannot tell those that are revoked from the others.
  public var firstSerial: Int64

  /// The most serials of one list, which then has about 240 KB at 16 digits each in base 64.
  public static let serialsMax = 10_000

  /// Makes a list; the serials may come in any order.
  public init(
    accountID: UUID,
    environment: Environment,
    number: Int64,
    issuedAt: Timestamp,
    serials: [Int64],
    firstSerial: Int64 = 1
  ) {
    self.accountID = accountID
    self.environment = environment
    self.number = number
    self.issuedAt = issuedAt
    self.serials = Set(serials).sorted()
    self.firstSerial = firstSerial
  }

  /// Whether a file is not to be accepted any more.
  public func isRevoked(_ serial: Int64) -> Bool {
    serial < firstSerial || serials.contains(serial)
  }

  /// Makes the statement that the active key is to sign.
  public func unsigned(signer: Ed25519PublicKey) -> UnsignedDocument {
    precondition(serials.count <= Self.serialsMax, "too many serials for one list")
    return Statement.unsigned(
      .revocations,
      keyID: signer.id,
      accountID: accountID,
      environment: environment,
      number: number,
      issuedAt: issuedAt
    ) { writer in
      // Most lists begin at the beginning, and say nothing of it.
      if firstSerial > 1 { writer.member("firstSerial", firstSerial) }
      writer.member("serials", serials)
    }
  }

  /// Reads a list and checks that a trusted key signed it.
  ///
  /// - Throws: ``Refusal`` ``Verdict/invalidRevocations`` when it is damaged, made in the future, for another account, or
  ///   not signed by a trusted key.
  public init(
    parsing text: [UInt8],
    trusting keys: TrustedKeys,
    at now: Timestamp
  ) throws(Refusal) {
    do throws(Refusal) {
      let statement = try Statement(parsing: text, as: .revocations)
      let key = try keys.key(named: statement.keyID, signingAt: statement.issuedAt)
      guard statement.isSigned(by: key) else {
        throw Refusal(.invalidSignature, "not signed by the key that it names")
      }
      try keys.checkPlace(accountID: statement.accountID, environment: statement.environment)
      try ClockTolerance.check(issuedAt: statement.issuedAt, now: now)
      accountID = statement.accountID
      environment = statement.environment
      number = statement.number
      issuedAt = statement.issuedAt
      serials = try statement.fields.integers(
        "serials",
        countMax: Self.serialsMax,
        in: 1...Fields.integerMax
      )
      let first = try statement.fields.optional("firstSerial") { fields, name throws(Refusal) in
        try fields.integer(name, in: 1...Fields.integerMax)
      }
      firstSerial = first ?? 1
      guard zip(serials, serials.dropFirst()).allSatisfy({ $0 < $1 }) else {
        throw Refusal(.malformed, "the serials do not rise")
      }
    } catch {
      throw error.renamed(.invalidRevocations, in: "the revocation list")
    }
  }
}
