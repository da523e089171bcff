import Cryptography
import Primitives

@testable import LatchkeyOffline

/// What comes from a license key and a fingerprint; a row of `vectors/derivations.json`.
enum DerivationCase {
  private static let rows = [
    ("LIC-0123-4567-89AB-CDEF", "9f2c64hex-atelier-01"),
    ("lic-ol23-4567-89ab-cdef", "9f2c64hex-atelier-01"),
    ("OIL-OILO-IIII-LLLL-OOOO", "Büro-Rechner \"7\"\u{1F5A5}"),
    ("LIC-0123-4567-89AB-CDEU", "12345678"),
    ("Ärger & Söhne 2019", "12345678"),
    ("x", "12345678"),
  ]

  static func all() throws -> [[UInt8]] {
    try rows.map { licenseKey, fingerprint in
      let secret = try FileSecret(licenseKey: licenseKey)
      // The keys themselves do not leave the library; what they make of fixed input shows them as well.
      let sealed = [UInt8]("sealed".utf8).withUnsafeBytes {
        secret.payloadCipher(fingerprint: fingerprint)
          .seal($0, nonce: Vendor.nonce(12), associatedData: Array("header".utf8))
      }
      let request = secret.proof(for: "latchkey license request 1").authenticate(Array("body".utf8))
      let receipt = secret.proof(for: "latchkey deactivation receipt 1").authenticate(
        Array("body".utf8)
      )
      return JSONWriter.object { writer in
        writer.member("licenseKey", licenseKey)
        writer.member("fingerprint", fingerprint)
        writer.member(
          "licenseKeyHashes",
          LicenseKey.lookupHashes(of: licenseKey).map { Hex.encode($0) }
        )
        writer.member("fileSecret", Hex.encode(LicenseKey.fileSecret(of: licenseKey)))
        writer.member("sealedUnderPayloadKey", Hex.encode(sealed))
        writer.member("hmacUnderRequestKey", Hex.encode(request))
        writer.member("hmacUnderReceiptKey", Hex.encode(receipt))
      }
    }
  }

  static func keys() -> [[UInt8]] {
    ["root", "first", "second", "third", "stranger"].map { name in
      JSONWriter.object { writer in
        writer.member("name", name)
        writer.member("seed", Hex.encode(Vendor.seed(name)))
        writer.member("publicKey", Vendor.key(name).publicKey.text)
        writer.member("keyId", Vendor.key(name).publicKey.id)
      }
    }
  }
}
