public import Cryptography
public import Faults

/// A license file: what a license permits on one machine for a limited time, signed so that no network is needed.
///
/// The format is described byte by byte in `Services/Signing/FORMAT.md`.
public struct LicenseFile: Sendable {
  /// What the file says, which nothing has proved as long as ``isSigned(by:)`` was not asked.
  public let header: LicenseFileHeader
  let line: Line

  static let armor = Armor(label: "LICENSE FILE", partCount: 3)

  /// Reads a file, with or without its markers, from UTF-8.
  ///
  /// - Throws: ``Refusal`` ``Verdict/malformed`` or ``Verdict/unsupportedVersion``.
  public init(parsing text: [UInt8]) throws(Refusal) {
    line = try Self.armor.parse(text)
    guard line.parts[2].count == Ed25519PublicKey.signatureByteCount else {
      throw Refusal(.malformed, "the signature does not have 64 bytes")
    }
    let sealed =
      AESGCM.overheadByteCount...AESGCM.overheadByteCount + LicenseFilePayload.jsonBytesMax
    guard sealed.contains(line.parts[1].count) else {
      throw Refusal(.malformed, "the payload is too short or too long")
    }
    header = try LicenseFileHeader(json: line.parts[0])
    guard header.issuedAt <= header.expiresAt, header.notBefore <= header.expiresAt else {
      throw Refusal(.malformed, "the file ends before it begins")
    }
  }

  /// Whether a key signed exactly this file.
  public func isSigned(by key: Ed25519PublicKey) -> Bool {
    key.isValid(
      line.parts[2],
      for: Self.bytesToSign(header: line.texts[0], payload: line.texts[1])
    )
  }

  /// Opens the payload on the machine that the file is for.
  ///
  /// - Parameters:
  ///   - secret: From the license key.
  ///   - fingerprint: The machine's.
  /// - Returns: The payload.
  /// - Throws: ``Refusal`` ``Verdict/wrongLicenseKey`` when it cannot be opened with the two,
  ///   ``Verdict/malformed`` or ``Verdict/unsupportedVersion`` when something else was sealed.
  public func payload(
    openedBy secret: FileSecret,
    fingerprint: String
  ) throws(Refusal) -> LicenseFilePayload {
    let cipher = secret.payloadCipher(fingerprint: fingerprint)
    let opened = line.parts[1].withUnsafeBytes { cipher.open($0, associatedData: line.texts[0]) }
    guard let opened else {
      throw Refusal(
        .wrongLicenseKey,
        "the payload does not open with this license key and fingerprint"
      )
    }
    return try LicenseFilePayload(json: opened)
  }

  private static func bytesToSign(header: [UInt8], payload: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(header.count + 1 + payload.count)
    bytes.append(contentsOf: header)
    bytes.append(UInt8(ascii: "."))
    bytes.append(contentsOf: payload)
    return bytes
  }
}

extension LicenseFile {
  /// Makes a file that is to be signed by the key that its header names.
  ///
  /// What is made here is checked before it is given out, so that no file leaves which no verifier accepts.
  ///
  /// - Parameters:
  ///   - header: What the file says.
  ///   - payload: What only the machine may read.
  ///   - secret: The license's.
  /// - Returns: The file but for its signature.
  /// - Throws: ``Fault`` `failedPrecondition` when the license says too much for a file, a header over 64 KiB, or a value
  ///   that no file may have.
  public static func unsigned(
    _ header: LicenseFileHeader,
    payload: LicenseFilePayload,
    sealedBy secret: FileSecret
  ) throws(Fault) -> UnsignedDocument {
    try unsigned(
      header,
      payload: payload,
      sealedBy: secret,
      nonce: SecureRandom.bytes(AESGCM.nonceByteCount)
    )
  }

  /// Makes a file for whoever has not the license's secret but what comes from it for the one machine; otherwise as
  /// ``unsigned(_:payload:sealedBy:)``.
  ///
  /// - Parameters:
  ///   - header: What the file says.
  ///   - payload: What only the machine may read.
  ///   - payloadKey: Of ``FileSecret/payloadKey(of:fingerprint:)``, for the header's fingerprint; the caller wipes it.
  /// - Returns: The file but for its signature.
  /// - Throws: ``Fault`` `failedPrecondition`.
  public static func unsigned(
    _ header: LicenseFileHeader,
    payload: LicenseFilePayload,
    sealedBy payloadKey: [UInt8]
  ) throws(Fault) -> UnsignedDocument {
    try unsigned(
      header,
      payload: payload,
      sealedBy: AESGCM(key: payloadKey),
      nonce: SecureRandom.bytes(AESGCM.nonceByteCount)
    )
  }

  /// Makes a file with a given nonce, which published vectors need; nothing else may use this.
  package static func unsigned(
    _ header: LicenseFileHeader,
    payload: LicenseFilePayload,
    sealedBy secret: FileSecret,
    nonce: [UInt8]
  ) throws(Fault) -> UnsignedDocument {
    try unsigned(
      header,
      payload: payload,
      sealedBy: secret.payloadCipher(fingerprint: header.fingerprint),
      nonce: nonce
    )
  }

  private static func unsigned(
    _ header: LicenseFileHeader,
    payload: LicenseFilePayload,
    sealedBy cipher: AESGCM,
    nonce: [UInt8]
  ) throws(Fault) -> UnsignedDocument {
    let json = header.json
    do throws(Refusal) {
      try header.checkIsReadable(json: json)
    } catch {
      throw .unfitForFile(error)
    }
    let headerText = Line.encoded(json)
    let sealed = payload.json.withUnsafeBytes {
      cipher.seal($0, nonce: nonce, associatedData: headerText)
    }
    let signed = bytesToSign(header: headerText, payload: Line.encoded(sealed))
    return UnsignedDocument(bytesToSign: signed, line: signed, armor: armor)
  }
}
