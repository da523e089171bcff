internal import Cryptography
public import Primitives

/// What a machine without a network gives up: its license file, and so its seat.
///
/// Made on the machine, carried to the server by hand. Whoever makes one must not use the file any more: the machine
/// keeps ``lastSeenSerial``, with which the file is refused from then on, and the server revokes the serial.
public struct DeactivationReceipt: Sendable {
  /// Whose license it is.
  public let accountID: UUID
  /// In which data set.
  public let environment: Environment
  /// The license.
  public let licenseID: UUID
  /// The file that is given up.
  public let serial: Int64
  /// The machine that gives it up.
  public let fingerprint: String
  /// 16 random bytes, which make each receipt unlike any other.
  public let nonce: [UInt8]
  /// When the machine made it, by a clock that nobody has checked.
  public let releasedAt: Timestamp
  private let document: ProvedDocument

  /// The number of bytes of a nonce.
  public static let nonceByteCount = 16

  /// Makes a receipt on the machine.
  ///
  /// - Parameters:
  ///   - file: The file that is given up, whether or not it has expired; that it opens shows that it is genuine.
  ///   - secret: From the license key; it must open the file.
  ///   - fingerprint: The machine's; it must be the file's.
  ///   - now: The time.
  /// - Returns: The receipt.
  /// - Throws: ``Refusal`` ``Verdict/wrongFingerprint`` or ``Verdict/wrongLicenseKey``: nobody can give up what is not
  ///   theirs.
  public static func make(
    for file: LicenseFile,
    provedBy secret: FileSecret,
    fingerprint: String,
    at now: Timestamp
  ) throws(Refusal) -> SignedDocument {
    try make(
      for: file,
      provedBy: secret,
      fingerprint: fingerprint,
      nonce: SecureRandom.bytes(nonceByteCount),
      at: now
    )
  }

  /// Makes a receipt with a given nonce, which published vectors need.
  package static func make(
    for file: LicenseFile,
    provedBy secret: FileSecret,
    fingerprint: String,
    nonce: [UInt8],
    at now: Timestamp
  ) throws(Refusal) -> SignedDocument {
    let header = file.header
    guard fingerprint.utf8.elementsEqual(header.fingerprint.utf8) else {
      throw Refusal(.wrongFingerprint, "the file is for another machine")
    }
    _ = try file.payload(openedBy: secret, fingerprint: fingerprint)
    return ProvedDocument.make(.release, provedBy: secret) { writer in
      writer.member("accountId", header.accountID)
      writer.member("environment", header.environment.rawValue)
      writer.member("licenseId", header.licenseID)
      writer.member("serial", header.serial)
      writer.member("fingerprint", header.fingerprint)
      writer.member("nonce", Hex.encode(nonce))
      writer.member("releasedAt", now)
    }
  }

  /// Reads a receipt, on the server; nothing in it is proved before ``checkProof(by:)``.
  ///
  /// - Throws: ``Refusal`` ``Verdict/malformed`` or ``Verdict/unsupportedVersion``.
  public init(parsing text: [UInt8]) throws(Refusal) {
    document = try ProvedDocument(parsing: text, as: .release)
    let fields = document.fields
    accountID = try fields.id("accountId")
    environment = try fields.environment("environment")
    licenseID = try fields.id("licenseId")
    serial = try fields.integer("serial", in: 1...Fields.integerMax)
    fingerprint = try fields.fingerprint("fingerprint")
    nonce = try fields.hex("nonce", bytes: Self.nonceByteCount)
    releasedAt = try fields.moment("releasedAt")
  }

  /// Refuses a receipt that was not made with the license's key.
  ///
  /// - Throws: ``Refusal`` ``Verdict/wrongLicenseKey``.
  public func checkProof(by secret: FileSecret) throws(Refusal) {
    guard document.isProved(by: secret) else {
      throw Refusal(.wrongLicenseKey, "the receipt was not made with the key of this license")
    }
  }

  /// What the machine keeps as last seen, so that it refuses the file it has given up.
  public var lastSeenSerial: Int64 { serial + 1 }
}
