import Cryptography
import Testing

@Suite struct AESGCMTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let number: Int
    let key: String
    let nonce: String
    let message: String
    let associatedData: String
    let ciphertext: String
    let tag: String
    var testDescription: String { "case \(number)" }
  }

  private static let zeroKey = String(repeating: "00", count: 32)
  private static let key = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
  private static let message = """
    d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525
    b16aedf5aa0de657ba637b39
    """
  private static let ciphertext = """
    522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838
    c5f61e6393ba7a0abcc9f662
    """

  /// Source: McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, as submitted to
  /// NIST: test cases 13 to 16, the ones with a 256-bit key and a 96-bit nonce.
  static let cases = [
    Case(
      number: 13,
      key: zeroKey,
      nonce: "000000000000000000000000",
      message: "",
      associatedData: "",
      ciphertext: "",
      tag: "530f8afbc74536b9a963b4f1c4cb738b"
    ),
    Case(
      number: 14,
      key: zeroKey,
      nonce: "000000000000000000000000",
      message: "00000000000000000000000000000000",
      associatedData: "",
      ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
      tag: "d0d1c8a799996bf0265b98b5d48ab919"
    ),
    Case(
      number: 15,
      key: key,
      nonce: "cafebabefacedbaddecaf888",
      message: message + "1aafd255",
      associatedData: "",
      ciphertext: ciphertext + "898015ad",
      tag: "b094dac5d93471bdec1a502270e3cc6c"
    ),
    Case(
      number: 16,
      key: key,
      nonce: "cafebabefacedbaddecaf888",
      message: message,
      associatedData: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      ciphertext: ciphertext,
      tag: "76fc6ece0f4e1768cddf8853bb2d551b"
    ),
  ]

  private func cipher(_ key: String) -> AESGCM { cipher(hex(key)) }

  private func cipher(_ key: [UInt8]) -> AESGCM {
    var bytes = key
    return AESGCM(key: SecretBytes(wiping: &bytes))
  }

  @Test(arguments: cases)
  func `the published vectors hold both ways`(vector: Case) {
    let cipher = cipher(vector.key)
    let data = hex(vector.associatedData)
    let sealed = hex(vector.message).withUnsafeBytes {
      cipher.seal($0, nonce: hex(vector.nonce), associatedData: data)
    }
    #expect(sealed == hex(vector.nonce + vector.ciphertext + vector.tag))
    // Opening and sealing take turns on one context.
    #expect(sealed.withUnsafeBytes { cipher.open($0, associatedData: data) } == hex(vector.message))
    let again = hex(vector.message).withUnsafeBytes {
      cipher.seal($0, nonce: hex(vector.nonce), associatedData: data)
    }
    #expect(again == sealed)
  }

  @Test(
    arguments: AESGCMVector.nist + AESGCMVector.wycheproof + AESGCMVector.wycheproofModifiedTags
  )
  func `what is published as valid is opened and sealed alike, and all else refused`(
    vector: AESGCMVector
  ) {
    let cipher = cipher(vector["key"])
    let opened = vector.sealed.withUnsafeBytes { cipher.open($0, associatedData: vector["data"]) }
    #expect(opened == (vector.isValid ? vector["message"] : nil))
    guard vector.isValid else { return }
    let sealed = vector["message"].withUnsafeBytes {
      cipher.seal($0, nonce: vector["nonce"], associatedData: vector["data"])
    }
    #expect(sealed == vector.sealed)
  }

  /// Our format has nonces of 96 bits, and takes nothing else for one.
  @Test(arguments: AESGCMVector.wycheproofOtherNonces)
  func `what has a nonce of another length is refused`(vector: AESGCMVector) {
    let cipher = cipher(vector["key"])
    let opened = vector.sealed.withUnsafeBytes { cipher.open($0, associatedData: vector["data"]) }
    #expect(opened == nil)
  }

  @Test func `no published vector is missing`() {
    #expect(AESGCMVector.nist.count == 24)
    #expect(AESGCMVector.nist.count { !$0.isValid } == 8)
    #expect(AESGCMVector.wycheproof.count { !$0.isValid } == 0)
    #expect(AESGCMVector.wycheproofModifiedTags.count == 27)
    for vector in AESGCMVector.nist + AESGCMVector.wycheproof {
      #expect(vector["key"].count == 32 && vector["nonce"].count == 12 && vector["tag"].count == 16)
    }
  }

  /// Every single bit that is turned over must be noticed: in nonce, ciphertext, tag and data.
  @Test func `nothing changed is opened`() throws {
    let vector = try #require(Self.cases.last)
    let cipher = cipher(vector.key)
    let data = hex(vector.associatedData)
    let sealed = hex(vector.nonce + vector.ciphertext + vector.tag)
    for bit in 0..<sealed.count * 8 {
      var changed = sealed
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(changed.withUnsafeBytes { cipher.open($0, associatedData: data) } == nil)
    }
    for bit in 0..<data.count * 8 {
      var changed = data
      changed[bit / 8] ^= 1 << (bit % 8)
      #expect(sealed.withUnsafeBytes { cipher.open($0, associatedData: changed) } == nil)
    }
    for count in 0..<sealed.count {
      let cut = Array(sealed.prefix(count))
      #expect(cut.withUnsafeBytes { cipher.open($0, associatedData: data) } == nil)
    }
    #expect(sealed.withUnsafeBytes { cipher.open($0, associatedData: []) } == nil)
    // A refusal leaves the context fit for use.
    let message = sealed.withUnsafeBytes { cipher.open($0, associatedData: data) }
    #expect(message == hex(vector.message))
  }

  @Test func `another key opens nothing, and no nonce repeats`() {
    let first = AESGCM(key: .random(count: 32))
    let second = AESGCM(key: .random(count: 32))
    let message = Array("secret".utf8)
    let sealed = message.withUnsafeBytes { first.seal($0, associatedData: []) }
    #expect(sealed.withUnsafeBytes { first.open($0, associatedData: []) } == message)
    #expect(sealed.withUnsafeBytes { second.open($0, associatedData: []) } == nil)
    let nonces = (0..<1_000).map { _ in
      Array(message.withUnsafeBytes { first.seal($0, associatedData: []) }.prefix(12))
    }
    #expect(Set(nonces).count == 1_000)
  }

  /// Each length up to a few blocks, and one beyond what the cipher takes in one step.
  @Test func `messages of any length come back`() {
    let cipher = AESGCM(key: .random(count: 32))
    for count in Array(0...70) + [100_000] {
      let message = SecureRandom.bytes(count)
      let sealed = message.withUnsafeBytes { cipher.seal($0, associatedData: [1]) }
      #expect(sealed.count == count + AESGCM.overheadByteCount)
      #expect(sealed.withUnsafeBytes { cipher.open($0, associatedData: [1]) } == message)
    }
  }
}
