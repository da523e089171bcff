internal import Cryptography
public import Primitives

/// What a machine without a network asks for: a license file for its fingerprint.
///
/// Made on the machine, carried to the server by hand, answered with a license file. It names the license by the hash
/// of its key and proves that the key is there, without showing it. Who reads it on the way can guess at a key no
/// better than from the server's own table of hashes: not at all where we made the key, and as easily as the key is
/// weak where it was imported.
public struct LicenseRequest: Sendable {
  /// SHA-256 of the license key, as look-ups find it: of its canonical form first, where it has one, else of its exact
  /// text; one or two.
  public let licenseKeyHashes: [[UInt8]]
  /// The machine, 8 to 256 characters.
  public let fingerprint: String
  /// For how long the file is wanted, in seconds; nil leaves it to the server.
  public let ttlSeconds: Int64?
  /// What people call the machine; nil where nobody said.
  public let machineName: String?
  /// 16 random bytes, by which the server knows a request that comes twice.
  public let nonce: [UInt8]
  /// When the machine made it, by a clock that nobody has checked.
  public let createdAt: Timestamp
  private let document: ProvedDocument

  /// The number of bytes of a nonce.
  public static let nonceByteCount = 16
  private static let machineNameBytes = 1...1_020

  /// Makes a request on the machine.
  ///
  /// - Parameters:
  ///   - licenseKey: The key, as typed.
  ///   - fingerprint: The machine's.
  ///   - ttlSeconds: For how long, or nil.
  ///   - machineName: What people call the machine, or nil.
  ///   - now: The time.
  /// - Returns: The request.
  /// - Throws: ``Refusal`` when the key or another value cannot be one.
  public static func make(
    licenseKey: String,
    fingerprint: String,
    ttlSeconds: Int64? = nil,
    machineName: String? = nil,
    at now: Timestamp
  ) throws(Refusal) -> SignedDocument {
    try make(
      licenseKey: licenseKey,
      fingerprint: fingerprint,
      ttlSeconds: ttlSeconds,
      machineName: machineName,
      nonce: SecureRandom.bytes(nonceByteCount),
      at: now
    )
  }

  /// Makes a request with a given nonce, which published vectors need.
  package static func make(
    licenseKey: String,
    fingerprint: String,
    ttlSeconds: Int64?,
    machineName: String?,
    nonce: [UInt8],
    at now: Timestamp
  ) throws(Refusal) -> SignedDocument {
    let secret = try FileSecret(licenseKey: licenseKey)
    let document = ProvedDocument.make(.request, provedBy: secret) { writer in
      writer.member(
        "licenseKeyHashes",
        LicenseKey.lookupHashes(of: licenseKey).map { Hex.encode($0) }
      )
      writer.member("fingerprint", fingerprint)
      writer.member("ttl", ttlSeconds)
      writer.member("machineName", machineName)
      writer.member("nonce", Hex.encode(nonce))
      writer.member("createdAt", now)
    }
    // What no server would read is not carried there.
    _ = try LicenseRequest(parsing: Array(document.text.utf8))
    return document
  }

  /// Reads a request, on the server; nothing in it is proved before ``checkProof(by:)``.
  ///
  /// - Throws: ``Refusal`` ``Verdict/malformed`` or ``Verdict/unsupportedVersion``.
  public init(parsing text: [UInt8]) throws(Refusal) {
    document = try ProvedDocument(parsing: text, as: .request)
    let fields = document.fields
    licenseKeyHashes = try fields.hexes("licenseKeyHashes", counts: 1...2, bytes: SHA256.byteCount)
    fingerprint = try fields.fingerprint("fingerprint")
    ttlSeconds = try fields.optional("ttl") { fields, name throws(Refusal) in
      try fields.integer(name, in: 1...Fields.integerMax)
    }
    machineName = try fields.optional("machineName") { fields, name throws(Refusal) in
      try fields.text(name, bytes: Self.machineNameBytes)
    }
    nonce = try fields.hex("nonce", bytes: Self.nonceByteCount)
    createdAt = try fields.moment("createdAt")
  }

  /// Refuses a request that was not made with the license's key.
  ///
  /// - Throws: ``Refusal`` ``Verdict/wrongLicenseKey``.
  public func checkProof(by secret: FileSecret) throws(Refusal) {
    guard document.isProved(by: secret) else {
      throw Refusal(.wrongLicenseKey, "the request was not made with the key of this license")
    }
  }
}
