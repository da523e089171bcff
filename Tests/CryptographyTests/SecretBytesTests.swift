import Cryptography
import Testing

@Suite struct SecretBytesTests {
  @Test func `bytes are taken over and the original is wiped`() {
    var original: [UInt8] = [1, 2, 3]
    let secret = SecretBytes(wiping: &original)
    #expect(original.isEmpty)
    #expect(secret.count == 3)
    #expect(secret.copy() == [1, 2, 3])
    #expect(secret.withUnsafeBytes { $0.reduce(0, +) } == 6)
  }

  @Test func `what fill leaves out is zero`() {
    #expect(SecretBytes(count: 4) { $0[1] = 7 }.copy() == [0, 7, 0, 0])
  }

  @Test func `random secrets differ`() {
    #expect(!SecretBytes.random(count: 32).equals(.random(count: 32)))
    #expect(!SecretBytes.random(count: 32).equals(.random(count: 31)))
    let secret = SecretBytes.random(count: 32)
    #expect(secret.equals(secret))
  }

  /// A secret that is printed by mistake, in whichever way, must not appear.
  @Test func `no way of printing shows the bytes`() {
    var bytes = Array("hunter2!".utf8)
    let secret = SecretBytes(wiping: &bytes)
    var dumped = ""
    dump(secret, to: &dumped)
    for text in ["\(secret)", String(reflecting: secret), dumped] {
      #expect(!text.contains("hunter2"))
      #expect(!text.contains("104"))
    }
    #expect("\(secret)" == "SecretBytes(8 bytes, redacted)")
  }

  @Test func `wiping empties an array`() {
    var bytes: [UInt8] = [1, 2, 3]
    wipe(&bytes)
    #expect(bytes.isEmpty)
    wipe(&bytes)
    #expect(bytes.isEmpty)
  }

  @Test(
    arguments: [
      ([], [], true), ([1], [1], true), ([1, 2], [1, 3], false), ([1], [1, 2], false),
      ([], [0], false),
      ([0], [], false),
    ] as [([UInt8], [UInt8], Bool)]
  )
  func `equality in constant time is equality`(left: [UInt8], right: [UInt8], isEqual: Bool) {
    #expect(constantTimeEquals(left, right) == isEqual)
  }

  @Test func `random bytes have the count asked for and do not repeat`() {
    #expect(SecureRandom.bytes(0).isEmpty)
    #expect(SecureRandom.bytes(33).count == 33)
    #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
  }
}
