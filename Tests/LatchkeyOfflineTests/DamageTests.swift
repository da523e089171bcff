import Cryptography
import Primitives
import Testing

@testable import LatchkeyOffline

/// Every document, with each of its bits flipped and cut at each place.
@Suite struct DamageTests {
  /// A document and its reader, which says whether it is accepted.
  struct Document: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let isAccepted: @Sendable ([UInt8]) -> Bool

    var testDescription: String { name }
  }

  private static let trusted = TrustedKeys([Vendor.first.publicKey])
  private static let keyset = Vendor.keyset([Vendor.record(Vendor.first, .active)])

  /// A document of keys around two statements, one of which is to be damaged.
  private static func accepts(succession: String, keyset: String) -> Bool {
    let published = PublishedKeys(
      accountID: Vendor.accountID,
      entries: [
        PublishedKeys.Entry(
          environment: .live,
          succession: succession,
          keyset: keyset,
          revocations: nil
        )
      ]
    )
    let keys = try? TrustedKeys(
      root: Vendor.root.publicKey,
      published: published,
      at: Vendor.now
    )
    return keys != nil
  }

  static func documents() throws -> [Document] {
    let file = try Vendor.file()
    let verify: @Sendable ([UInt8]) -> Bool = {
      Verifier(keys: trusted).verify($0, at: Vendor.now).verdict == .valid
    }
    let succession = Vendor.succession(keyset).text
    let current = Vendor.keyset(keyset, signedBy: Vendor.first).text
    let secret = try Vendor.secret()
    return [
      Document(name: "license file", text: file, isAccepted: verify),
      Document(
        name: "license file without markers",
        text: Vendor.line(of: file),
        isAccepted: verify
      ),
      Document(name: "revocation list", text: Vendor.revocations([1, 2, 3]).text) {
        (try? RevocationList(parsing: $0, trusting: trusted, at: Vendor.now)) != nil
      },
      Document(name: "succession", text: succession) {
        guard let text = String(validating: $0, as: UTF8.self) else { return false }
        return accepts(succession: text, keyset: current)
      },
      Document(name: "keyset", text: current) {
        guard let text = String(validating: $0, as: UTF8.self) else { return false }
        return accepts(succession: succession, keyset: text)
      },
      Document(
        name: "request",
        text: try LicenseRequest.make(
          licenseKey: Vendor.licenseKey,
          fingerprint: Vendor.fingerprint,
          at: Vendor.now
        ).text
      ) { text in
        (try? LicenseRequest(parsing: text).checkProof(by: secret)) != nil
      },
      Document(
        name: "deactivation receipt",
        text: try DeactivationReceipt.make(
          for: LicenseFile(parsing: Array(file.utf8)),
          provedBy: secret,
          fingerprint: Vendor.fingerprint,
          at: Vendor.now
        ).text
      ) { text in
        (try? DeactivationReceipt(parsing: text).checkProof(by: secret)) != nil
      },
    ]
  }

  @Test(arguments: try documents())
  func `every flipped bit is refused`(document: Document) {
    var bytes = Array(document.text.utf8)
    #expect(document.isAccepted(bytes))
    var accepted: [Int] = []
    for bit in 0..<(bytes.count * 8) {
      bytes[bit / 8] ^= 1 << (bit % 8)
      if document.isAccepted(bytes) { accepted.append(bit) }
      bytes[bit / 8] ^= 1 << (bit % 8)
    }
    #expect(accepted == [])
  }

  @Test(arguments: try documents())
  func `every truncation is refused`(document: Document) {
    let bytes = Array(document.text.utf8)
    let accepted = bytes.indices.filter {
      document.isAccepted(Array(bytes[..<$0])) || $0 > 0 && document.isAccepted(Array(bytes[$0...]))
    }
    #expect(accepted == [])
  }

  @Test func `a file beyond the limit is refused before it is read`() throws {
    let file = Array(try Vendor.file().utf8)
    func padded(_ count: Int) -> [UInt8] {
      file + [UInt8](repeating: 0x20, count: count - file.count)
    }
    let verifier = Verifier(keys: Self.trusted)
    #expect(verifier.verify(padded(Armor.textBytesMax), at: Vendor.now).verdict == .valid)
    #expect(verifier.verify(padded(Armor.textBytesMax + 1), at: Vendor.now).verdict == .malformed)
  }

  /// Random bytes in place of one, two or three others, from a fixed seed.
  @Test(arguments: try documents())
  func `every replaced byte is refused`(document: Document) {
    let bytes = Array(document.text.utf8)
    let white: Set<UInt8> = [0x20, 0x09, 0x0a, 0x0d]
    var random = SplitMix(state: 20_260_331)
    for _ in 0..<500 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let index = Int.random(in: 0..<bytes.count, using: &random)
        changed[index] = UInt8.random(in: 0...255, using: &random)
      }
      // A line break may become other white space, which says the same.
      let isSame = zip(bytes, changed).allSatisfy {
        $0 == $1 || white.contains($0) && white.contains($1)
      }
      #expect(document.isAccepted(changed) == isSame)
    }
  }
}

/// A small generator with a seed (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
