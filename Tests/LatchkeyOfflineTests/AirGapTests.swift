import Cryptography
import Primitives
import Testing

@testable import LatchkeyOffline

@Suite struct AirGapTests {
  @Test func `a request names the license as look-ups do, and never shows its key`() throws {
    let typed = "lic-ol23-4567-89ab-cdef"
    let text = try LicenseRequest.make(
      licenseKey: typed,
      fingerprint: Vendor.fingerprint,
      ttlSeconds: 3_600,
      machineName: "atelier-01",
      at: Vendor.now
    )
    let request = try LicenseRequest(parsing: Array(text.text.utf8))
    #expect(request.licenseKeyHashes == LicenseKey.lookupHashes(of: typed))
    #expect(request.fingerprint == Vendor.fingerprint)
    #expect(request.ttlSeconds == 3_600)
    #expect(request.machineName == "atelier-01")
    #expect(request.createdAt == Vendor.now)
    try request.checkProof(by: Vendor.secret())
    let shown = String(
      decoding: try AnyDocument(parsing: Array(text.text.utf8)).json,
      as: UTF8.self
    )
    #expect(!shown.lowercased().contains("4567-89ab"))
  }

  @Test func `two requests are told apart by their nonces`() throws {
    func nonce() throws -> [UInt8] {
      let text = try LicenseRequest.make(
        licenseKey: Vendor.licenseKey,
        fingerprint: Vendor.fingerprint,
        at: Vendor.now
      )
      return try LicenseRequest(parsing: Array(text.line.utf8)).nonce
    }
    #expect(try nonce() != nonce())
  }

  @Test(arguments: [
    ("", Vendor.fingerprint), (String(repeating: "x", count: 1_025), Vendor.fingerprint),
    (Vendor.licenseKey, "1234567"), (Vendor.licenseKey, String(repeating: "x", count: 257)),
  ])
  func `a request that no server reads is not made`(key: String, fingerprint: String) {
    #expect(throws: Refusal.self) {
      try LicenseRequest.make(licenseKey: key, fingerprint: fingerprint, at: Vendor.now)
    }
  }

  @Test func `a receipt names the file that is given up, which is refused from then on`() throws {
    let text = try Vendor.file()
    let receipt = try DeactivationReceipt(
      parsing: Array(
        DeactivationReceipt.make(
          for: LicenseFile(parsing: Array(text.utf8)),
          provedBy: Vendor.secret(),
          fingerprint: Vendor.fingerprint,
          at: Vendor.now
        ).text.utf8
      )
    )
    #expect(receipt.accountID == Vendor.accountID)
    #expect(receipt.environment == .live)
    #expect(receipt.licenseID == Vendor.licenseID)
    #expect(receipt.serial == 17)
    #expect(receipt.fingerprint == Vendor.fingerprint)
    #expect(receipt.releasedAt == Vendor.now)
    try receipt.checkProof(by: Vendor.secret())
    var verifier = Verifier(keys: TrustedKeys([Vendor.first.publicKey]))
    verifier.lastSeen.serial = receipt.lastSeenSerial
    #expect(verifier.verify(Array(text.utf8), at: Vendor.now).verdict == .serialRollback)
  }

  @Test(arguments: [
    (Vendor.licenseKey, "another-machine", Verdict.wrongFingerprint),
    ("LIC-0123-4567-89AB-CDEG", Vendor.fingerprint, .wrongLicenseKey),
  ])
  func `nobody gives up another one's file`(key: String, fingerprint: String, verdict: Verdict)
    throws
  {
    let file = try LicenseFile(parsing: Array(Vendor.file().utf8))
    let secret = try Vendor.secret(of: key)
    let refusal = #expect(throws: Refusal.self) {
      try DeactivationReceipt.make(
        for: file,
        provedBy: secret,
        fingerprint: fingerprint,
        at: Vendor.now
      )
    }
    #expect(refusal?.verdict == verdict)
  }

  @Test func `every kind of file can be inspected, with or without markers`() throws {
    let keyset = Vendor.keyset([Vendor.record(Vendor.first, .active)])
    let request = try LicenseRequest.make(
      licenseKey: Vendor.licenseKey,
      fingerprint: Vendor.fingerprint,
      at: Vendor.now
    )
    let file = try Vendor.file()
    for (type, text) in [
      ("license", file), ("license", Vendor.line(of: file)),
      ("succession", Vendor.succession(keyset).text),
      ("succession", Vendor.succession(keyset).line),
      ("keyset", Vendor.keyset(keyset, signedBy: Vendor.first).line),
      ("revocations", Vendor.revocations([1]).line), ("request", request.text),
      ("request", request.line),
    ] {
      #expect(try AnyDocument(parsing: Array(text.utf8)).type == type)
    }
    for text in ["", "x", "a.b", "e30=.e30=", String(file.dropLast())] {
      #expect(throws: Refusal.self) { try AnyDocument(parsing: Array(text.utf8)) }
    }
  }
}
