import Cryptography
import Faults
import Primitives
import Testing

@testable import LatchkeyOffline

@Suite struct LicenseFileTests {
  @Test func `a file says what was put into it`() throws {
    let header = Vendor.header()
    let file = try LicenseFile(parsing: Array(Vendor.file().utf8))
    #expect(file.header == header)
    #expect(file.isSigned(by: Vendor.first.publicKey))
    #expect(!file.isSigned(by: Vendor.second.publicKey))
    let payload = try file.payload(openedBy: Vendor.secret(), fingerprint: Vendor.fingerprint)
    #expect(try payload == Vendor.payload)
  }

  @Test func `text in a header survives, whatever it is`() throws {
    let odd = "\"\\/\u{0}\u{1f}\u{7f}\u{2028}é😀 8"
    let text = try Vendor.file {
      $0.fingerprint = odd
      $0.entitlements = [odd, "a"]
    }
    let header = try LicenseFile(parsing: Array(text.utf8)).header
    #expect(Array(header.fingerprint.utf8) == Array(odd.utf8))
    #expect(header.entitlements == [odd, "a"])
  }

  @Test func `two files of one license have different payloads`() throws {
    func line() throws -> [UInt8] {
      try LicenseFile.unsigned(Vendor.header(), payload: Vendor.payload, sealedBy: Vendor.secret())
        .bytesToSign
    }
    #expect(try line() != line())
  }

  /// A header that says too much, or something that no file may say.
  struct Excess: Sendable, CustomTestStringConvertible {
    let name: String
    let change: @Sendable (inout LicenseFileHeader) -> Void

    init(_ name: String, _ change: @escaping @Sendable (inout LicenseFileHeader) -> Void) {
      self.name = name
      self.change = change
    }

    var testDescription: String { name }
  }

  /// What no verifier would accept does not leave the server.
  @Test(arguments: [
    Excess("an entitlement without a name") { $0.entitlements = [""] },
    Excess("more entitlements than fit") { $0.entitlements = (0..<1_001).map { "e\($0)" } },
    Excess("a header beyond 64 KiB") {
      $0.entitlements = (0..<700).map { "\($0)" + String(repeating: "x", count: 100) }
    },
    Excess("serial 0") { $0.serial = 0 },
    Excess("a fingerprint that is too short") { $0.fingerprint = "1234567" },
    Excess("a fingerprint that is too long") {
      $0.fingerprint = String(repeating: "x", count: 257)
    },
    Excess("an end beyond the calendar") { $0.expiresAt = Timestamp(milliseconds: .max) },
  ])
  func `a header that cannot be read is not made`(excess: Excess) {
    let fault = #expect(throws: Fault.self) { try Vendor.file(excess.change) }
    #expect(fault?.code == .failedPrecondition)
    #expect(fault?.reason == .businessRuleViolation)
  }

  @Test(arguments: [
    "{", "[]", "null", "{\"a\":1,\"a\":2}", "\"\(String(repeating: "x", count: 262_144))\"",
  ])
  func `a payload that cannot be read is not made`(license: String) {
    let fault = #expect(throws: Fault.self) {
      try LicenseFilePayload(license: Array(license.utf8), policy: Array("{}".utf8))
    }
    #expect(fault?.code == .failedPrecondition)
  }

  @Test func `nothing shows a secret`() throws {
    let secret = try Vendor.secret()
    var dumped = ""
    dump(secret, to: &dumped)
    dump(Vendor.first, to: &dumped)
    let bytes = LicenseKey.fileSecret(of: Vendor.licenseKey)
    for text in ["\(secret)", String(reflecting: secret), dumped, "\(Vendor.first)"] {
      #expect(!text.contains("\(bytes[0]), \(bytes[1])"))
      #expect(!text.contains("\(Vendor.seed("first")[0]), \(Vendor.seed("first")[1])"))
    }
  }
}
