import Cryptography
import Primitives

@testable import LatchkeyOffline

/// A vendor with fixed keys, whose documents are the same on every run.
struct Vendor {
  static let now = moment("2026-03-31T09:20:00.000Z")
  static let accountID = id("0198c1e2-7a10-7cc3-98c4-dc0c0c073901")
  static let otherID = id("0198c1e2-7a10-7cc3-98c4-dc0c0c0739ff")
  static let licenseID = id("0198c1e2-7a10-7cc3-98c4-dc0c0c073902")
  static let productID = id("0198c1e2-7a10-7cc3-98c4-dc0c0c073903")
  static let licenseKey = "LIC-0123-4567-89AB-CDEF"
  static let fingerprint = "9f2c64hex-atelier-01"

  static let root = key("root")
  static let first = key("first")
  static let second = key("second")
  static let third = key("third")
  static let stranger = key("stranger")

  static var payload: LicenseFilePayload {
    get throws {
      try LicenseFilePayload(
        license: Array(
          #"{"id":"\#(licenseID)","name":"Studio seat","metadata":{"seats":[1,2.5,"é"]}}"#.utf8
        ),
        policy: Array(#"{"name":"Yearly","offlineAllowed":true}"#.utf8)
      )
    }
  }

  static func moment(_ text: String) -> Timestamp {
    guard let moment = Timestamp(iso8601: text) else { fatalError("\(text) is no time") }
    return moment
  }

  static func id(_ text: String) -> UUID {
    guard let id = UUID(text) else { fatalError("\(text) is no id") }
    return id
  }

  static func key(_ name: String) -> Ed25519PrivateKey {
    Ed25519PrivateKey(seed: SecretBytes(count: 32) { $0.copyBytes(from: seed(name)) })
  }

  static func seed(_ name: String) -> [UInt8] {
    SHA256.hash("latchkey vector seed \(name)")
  }

  static func nonce(_ count: Int) -> [UInt8] {
    Array(SHA256.hash("latchkey vector nonce")[..<count])
  }

  static func secret(of licenseKey: String = licenseKey) throws -> FileSecret {
    try FileSecret(licenseKey: licenseKey)
  }

  static func header(
    signedBy key: Ed25519PrivateKey = first,
    _ change: (inout LicenseFileHeader) -> Void = { _ in }
  ) -> LicenseFileHeader {
    var header = LicenseFileHeader(
      keyID: key.publicKey.id,
      accountID: accountID,
      environment: .live,
      serial: 17,
      licenseID: licenseID,
      productID: productID,
      fingerprint: fingerprint,
      entitlements: ["export_pdf", "sso"],
      maxMachines: 3,
      licenseExpiresAt: moment("2027-03-31T00:00:00.000Z"),
      issuedAt: now,
      notBefore: now,
      expiresAt: moment("2026-04-14T09:20:00.000Z"),
      ttlSeconds: 1_209_600
    )
    change(&header)
    return header
  }

  /// A file as the signing service makes it.
  static func file(
    signedBy key: Ed25519PrivateKey = first,
    licenseKey: String = licenseKey,
    _ change: (inout LicenseFileHeader) -> Void = { _ in }
  ) throws -> String {
    let unsigned = try LicenseFile.unsigned(
      header(signedBy: key, change),
      payload: payload,
      sealedBy: secret(of: licenseKey),
      nonce: nonce(12)
    )
    return unsigned.signed(by: key.sign(unsigned.bytesToSign)).text
  }

  /// A genuine signature over a header and payload that no service makes.
  static func file(
    header: [UInt8],
    payload sealed: [UInt8]? = nil,
    signedBy key: Ed25519PrivateKey = first
  )
    throws -> String
  {
    let headerText = Base64.encode(header)
    let sealed =
      try sealed
      ?? payload.json.withUnsafeBytes {
        try secret().payloadCipher(fingerprint: fingerprint)
          .seal($0, nonce: nonce(12), associatedData: Array(headerText.utf8))
      }
    let text = "\(headerText).\(Base64.encode(sealed))"
    return marked("\(text).\(Base64.encode(key.sign(Array(text.utf8))))")
  }

  static func marked(_ line: String) -> String {
    "-----BEGIN LICENSE FILE-----\n\(line)\n-----END LICENSE FILE-----"
  }

  static func line(of text: String) -> String {
    String(text.split(separator: "\n")[1])
  }

  static func record(
    _ key: Ed25519PrivateKey,
    _ state: SigningKeyRecord.State,
    since notBefore: String = "2026-01-01T00:00:00.000Z",
    retiredAt: String? = nil
  ) -> SigningKeyRecord {
    SigningKeyRecord(
      publicKey: key.publicKey,
      state: state,
      notBefore: moment(notBefore),
      retiredAt: retiredAt.map(moment)
    )
  }

  static func keyset(
    _ keys: [SigningKeyRecord],
    number: Int64 = 1,
    _ change: (inout Keyset) -> Void = { _ in }
  ) -> Keyset {
    var keyset = Keyset(
      accountID: accountID,
      environment: .live,
      number: number,
      issuedAt: moment("2026-03-01T00:00:00.000Z"),
      keys: keys
    )
    change(&keyset)
    return keyset
  }

  static func succession(
    _ keyset: Keyset,
    signedBy key: Ed25519PrivateKey = root
  ) -> SignedDocument {
    let unsigned = keyset.unsigned(as: .succession, signer: key.publicKey)
    return unsigned.signed(by: key.sign(unsigned.bytesToSign))
  }

  static func keyset(_ keyset: Keyset, signedBy key: Ed25519PrivateKey) -> SignedDocument {
    let unsigned = keyset.unsigned(as: .keyset, signer: key.publicKey)
    return unsigned.signed(by: key.sign(unsigned.bytesToSign))
  }

  static func revocations(
    _ serials: [Int64],
    signedBy key: Ed25519PrivateKey = first,
    number: Int64 = 4,
    _ change: (inout RevocationList) -> Void = { _ in }
  ) -> SignedDocument {
    var list = RevocationList(
      accountID: accountID,
      environment: .live,
      number: number,
      issuedAt: now,
      serials: serials
    )
    change(&list)
    let unsigned = list.unsigned(signer: key.publicKey)
    return unsigned.signed(by: key.sign(unsigned.bytesToSign))
  }

  static func published(
    _ succession: SignedDocument,
    _ keyset: SignedDocument? = nil,
    revocations: SignedDocument? = nil
  ) -> String {
    let published = PublishedKeys(
      accountID: accountID,
      entries: [
        PublishedKeys.Entry(
          environment: .live,
          succession: succession.line,
          keyset: keyset?.line,
          revocations: revocations?.line
        )
      ]
    )
    return String(decoding: published.json, as: UTF8.self)
  }
}
