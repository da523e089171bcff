import Cryptography
import Primitives
import Testing

@testable import LatchkeyOffline

/// What the vectors do not show: what an outcome gives besides its result.
@Suite struct VerifierTests {
  private let verifier = Verifier(keys: TrustedKeys([Vendor.first.publicKey]))

  @Test func `what a file says is shown only if its signature is right`() throws {
    let file = try Vendor.file()
    #expect(verifier.verify(Array(file.utf8), at: .latest).verdict == .expired)
    #expect(verifier.verify(Array(file.utf8), at: .latest).header == Vendor.header())
    let forged = try Vendor.file(header: Vendor.header().json, signedBy: Vendor.stranger)
    #expect(verifier.verify(Array(forged.utf8), at: Vendor.now).header == nil)
    let unknown = try Vendor.file(signedBy: Vendor.stranger)
    #expect(verifier.verify(Array(unknown.utf8), at: Vendor.now).header == nil)
  }

  @Test func `what was seen moves on with a valid file, and only with one`() throws {
    var verifier = verifier
    verifier.lastSeen = LastSeen(time: Vendor.now - .seconds(60), serial: 16, revocationsNumber: 3)
    verifier.revocations = RevocationList(
      accountID: Vendor.accountID,
      environment: .live,
      number: 4,
      issuedAt: Vendor.now,
      serials: [18]
    )
    let valid = verifier.verify(Array(try Vendor.file().utf8), at: Vendor.now)
    #expect(
      valid.lastSeen == LastSeen(time: Vendor.now, serial: 17, revocationsNumber: 4)
    )
    let revoked = try Vendor.file { $0.serial = 18 }
    let refused = verifier.verify(Array(revoked.utf8), at: Vendor.now)
    #expect(refused.verdict == .revoked)
    #expect(refused.lastSeen == verifier.lastSeen)
  }

  @Test func `an outcome as JSON can be read`() throws {
    var verifier = verifier
    verifier.secret = try Vendor.secret()
    let valid = try Fields(verifier.verify(Array(try Vendor.file().utf8), at: Vendor.now).json)
    #expect(try valid.text("result", bytes: 1...20) == "VALID")
    try valid.checkObject("header")
    try valid.checkObject("payload")
    try valid.checkObject("lastSeen")
    let refused = try Fields(verifier.verify([], at: Vendor.now).json)
    #expect(try refused.text("result", bytes: 1...20) == "MALFORMED")
    #expect(throws: Refusal.self) { try refused.checkObject("header") }
  }

  @Test func `a document of keys as JSON reads the same`() throws {
    let text = Vendor.published(
      Vendor.succession(Vendor.keyset([Vendor.record(Vendor.first, .active)])),
      revocations: Vendor.revocations([1])
    )
    let published = try PublishedKeys(json: Array(text.utf8))
    #expect(published.json == Array(text.utf8))
    #expect(published.entries[0].keyset == nil)
  }

  @Test func `the longest list of revoked serials can be read`() throws {
    let last = Fields.integerMax
    let serials = Array((last - Int64(RevocationList.serialsMax) + 1)...last)
    let list = Vendor.revocations(serials.reversed())
    let read = try RevocationList(
      parsing: Array(list.text.utf8),
      trusting: verifier.keys,
      at: Vendor.now
    )
    #expect(read.serials == serials)
  }
}
