import Cryptography
import Faults
import Primitives
import Testing

@Suite struct LicenseKeyTests {
  @Test(arguments: ["AB", "LIC", "ABCDEFGHIJ"])
  func `a new key has the form and comes back`(prefix: String) throws {
    let key = try LicenseKey.generate(prefix: prefix)
    let groups = key.text.split(separator: "-", omittingEmptySubsequences: false)
    #expect(groups.count == 5)
    #expect(groups.first.map(String.init) == prefix)
    #expect(groups.dropFirst().allSatisfy { $0.count == 4 })
    let symbols = groups.dropFirst().joined().utf8
    #expect(symbols.allSatisfy { CrockfordBase32.folded($0) == $0 })
    #expect(LicenseKey.parse(key.text) == key)
    #expect(key.prefix == prefix)
    #expect(key.hash == SHA256.hash(key.text))
  }

  @Test(arguments: ["", "A", "ABCDEFGHIJK", "lic", "LI1", "LI-", "LÎC", "L C"])
  func `a prefix of another form is refused`(prefix: String) {
    let fault = #expect(throws: Fault.self) { try LicenseKey.generate(prefix: prefix) }
    #expect(fault?.code == .invalidArgument)
    #expect(!LicenseKey.isPrefix(prefix))
  }

  /// One row for each way in which people and mail programs change a key.
  @Test(arguments: [
    ("LIC-0123-4567-89AB-CDEF", "LIC-0123-4567-89AB-CDEF"),
    ("lic-0123-4567-89ab-cdef", "LIC-0123-4567-89AB-CDEF"),
    ("LIC-OI23-4567-89AB-CDEF", "LIC-0123-4567-89AB-CDEF"),
    ("lic-ol23-4567-89ab-cdef", "LIC-0123-4567-89AB-CDEF"),
    ("OIL-oiLO-IIII-llll-OOOO", "OIL-0110-1111-1111-0000"),
    ("UU-ZZZZ-YYYY-XXXX-WWWW", "UU-ZZZZ-YYYY-XXXX-WWWW"),
  ])
  func `a typed key is folded, but for its prefix`(typed: String, canonical: String) {
    #expect(LicenseKey.parse(typed)?.text == canonical)
    #expect(LicenseKey.lookupHashes(of: typed).first == SHA256.hash(canonical))
    #expect(LicenseKey.lookupHashes(of: typed).last == SHA256.hash(typed))
    #expect(LicenseKey.lookupHashes(of: typed).count == (typed == canonical ? 1 : 2))
    #expect(LicenseKey.fileSecret(of: typed) == LicenseKey.fileSecret(of: canonical))
  }

  @Test(arguments: [
    "L-0123-4567-89AB-CDEF", "ABCDEFGHIJK-0123-4567-89AB-CDEF", "-0123-4567-89AB-CDEF",
    "L1C-0123-4567-89AB-CDEF", "LIC-0123-4567-89AB", "LIC-0123-4567-89AB-CDE",
    "LIC-0123-4567-89AB-CDEFG", "LIC-0123-4567-89AB-CDEF-GHJK", "LIC0123-4567-89AB-CDEF",
    "LIC-01234567-89AB-CDEF", "LIC-0123-4567-89AU-CDEF", "LIC_0123_4567_89AB_CDEF",
    "LIC-0123-4567-89AB-CD F", " LIC-0123-4567-89AB-CDEF", "LIC-0123-4567-89AB-CDEF ",
    "LIC-0123-4567-89AB-CDÉ", "LIC-0123--567-89AB-CDEF", "imported key, any form", "x",
    "LIC-012\u{0}-4567-89AB-CDEF", "ſIC-0123-4567-89AB-CDEF",
  ])
  func `text of another form is looked up as it is`(text: String) {
    #expect(LicenseKey.parse(text) == nil)
    #expect(LicenseKey.lookupHashes(of: text) == [SHA256.hash(text)])
  }

  @Test func `the empty text and a very long one have a hash`() {
    let long = String(repeating: "LIC-", count: 100_000)
    #expect(LicenseKey.lookupHashes(of: "") == [SHA256.hash("")])
    #expect(LicenseKey.lookupHashes(of: long) == [SHA256.hash(long)])
  }

  /// Fixed, since license files in the field depend on it.
  ///
  /// Computed with Python's `hmac` by RFC 5869.
  @Test func `the file secret is HKDF of the canonical key`() {
    let secret = LicenseKey.fileSecret(of: "lic-oi23-4567-89ab-cdef")
    #expect(
      Hex.encode(secret)
        == "330395ed71344dc8eddf32cb0d575fca093cadf199f190bf5bbd1ad334c57182"
    )
    #expect(LicenseKey.parse("LIC-0123-4567-89AB-CDEF")?.fileSecret == secret)
    #expect(LicenseKey.fileSecret(of: "other") != secret)
  }

  @Test func `no way of printing shows more than the prefix`() throws {
    let key = try LicenseKey.generate(prefix: "ATL")
    var dumped = ""
    dump(key, to: &dumped)
    for text in ["\(key)", String(reflecting: key), dumped] {
      #expect(!text.contains(key.text.dropFirst(3).prefix(5)))
    }
  }

  @Test func `keys are different, and use all symbols`() throws {
    let keys = try (0..<500).map { _ in try LicenseKey.generate(prefix: "LIC").text }
    #expect(Set(keys).count == 500)
    #expect(Set(keys.joined().filter { $0 != "-" && !"LI".contains($0) }).count == 32)
  }
}

@Suite struct ResponseSigningKeyTests {
  @Test func `a key is 64 lower-case digits`() {
    let key = ResponseSigningSecret.generate().copy()
    let text = String(decoding: key, as: UTF8.self)
    #expect(key.count == ResponseSigningSecret.characterCount)
    #expect(Hex.decode(text).map { Hex.encode($0) } == text)
    #expect(ResponseSigningSecret.generate().copy() != key)
  }
}
