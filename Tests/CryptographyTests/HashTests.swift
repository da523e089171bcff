import Cryptography
import Primitives
import Testing

/// The bytes of a hexadecimal text; spaces are for the reader.
func hex(_ text: String) -> [UInt8] {
  Hex.decode(String(text.filter { !$0.isWhitespace })) ?? []
}

@Suite struct SHA256Tests {
  /// Source: FIPS 180-4 examples (NIST, "SHA256.pdf" and "SHA_All.pdf").
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `the published examples hold`(message: String, expected: String) {
    #expect(SHA256.hash(message) == hex(expected))
    #expect(SHA256.hash(Array(message.utf8)) == hex(expected))
  }

  @Test func `a million letters a`() {
    let message = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    #expect(SHA256.hash(message) == hex(expected))
  }

  @Test func `many threads share it`() async {
    let expected = SHA256.hash("abc")
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { (0..<2_000).allSatisfy { _ in SHA256.hash("abc") == expected } }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}

@Suite struct HMACSHA256Tests {
  struct Case: Sendable, CustomTestStringConvertible {
    let number: Int
    let key: [UInt8]
    let message: [UInt8]
    let code: String
    var testDescription: String { "case \(number)" }
  }

  /// Source: RFC 4231, section 4; case 5 truncates its code to 128 bits.
  static let cases = [
    Case(
      number: 1,
      key: [UInt8](repeating: 0x0b, count: 20),
      message: Array("Hi There".utf8),
      code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    Case(
      number: 2,
      key: Array("Jefe".utf8),
      message: Array("what do ya want for nothing?".utf8),
      code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    Case(
      number: 3,
      key: [UInt8](repeating: 0xaa, count: 20),
      message: [UInt8](repeating: 0xdd, count: 50),
      code: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    Case(
      number: 4,
      key: Array(1...25),
      message: [UInt8](repeating: 0xcd, count: 50),
      code: "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
    Case(
      number: 5,
      key: [UInt8](repeating: 0x0c, count: 20),
      message: Array("Test With Truncation".utf8),
      code: "a3b6167473100ee06e0c796c2955552b"
    ),
    Case(
      number: 6,
      key: [UInt8](repeating: 0xaa, count: 131),
      message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
    Case(
      number: 7,
      key: [UInt8](repeating: 0xaa, count: 131),
      message: Array(
        ("This is a test using a larger than block-size key and a larger than block-size data. "
          + "The key needs to be hashed before being used by the HMAC algorithm.").utf8
      ),
      code: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
    ),
  ]

  @Test(arguments: cases)
  func `the vectors of RFC 4231 hold`(vector: Case) {
    let expected = hex(vector.code)
    let hmac = HMACSHA256(key: vector.key)
    #expect(Array(hmac.authenticate(vector.message).prefix(expected.count)) == expected)

    // The same object again, the message in parts, and the key from secret memory.
    let middle = vector.message.count / 2
    let head = Array(vector.message[..<middle])
    let tail = Array(vector.message[middle...])
    #expect(Array(hmac.authenticate(head, [], tail).prefix(expected.count)) == expected)
    var key = vector.key
    let secret = HMACSHA256(key: SecretBytes(wiping: &key))
    let code = head.withUnsafeBytes { head in
      tail.withUnsafeBytes { secret.withCode(of: head, $0) { Array($0) } }
    }
    #expect(Array(code.prefix(expected.count)) == expected)
  }

  @Test func `a code is valid for its own message alone`() {
    let hmac = HMACSHA256(key: Array("key".utf8))
    let code = hmac.authenticate(Array("1700000000".utf8), [0x2e], Array("body".utf8))
    #expect(hmac.isValid(code, for: Array("1700000000.body".utf8)))
    #expect(!hmac.isValid(code, for: Array("1700000000.Body".utf8)))
    #expect(!hmac.isValid(Array(code.dropLast()), for: Array("1700000000.body".utf8)))
    #expect(!hmac.isValid([], for: Array("1700000000.body".utf8)))
  }

  @Test func `the empty message has a code`() {
    let expected = "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0"
    #expect(HMACSHA256(key: Array("key".utf8)).authenticate([UInt8]()) == hex(expected))
  }
}

@Suite struct HKDFTests {
  /// Source: RFC 5869, appendix A, test cases 1 to 3.
  @Test(
    arguments: [
      (
        [UInt8](repeating: 0x0b, count: 22), Array(0x00...0x0c), Array(0xf0...0xf9),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
      ),
      (
        Array(0x00...0x4f), Array(0x60...0xaf), Array(0xb0...0xff),
        """
        b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09
        da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87
        """
      ),
      (
        [UInt8](repeating: 0x0b, count: 22), [], [],
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
      ),
    ] as [([UInt8], [UInt8], [UInt8], String)]
  )
  func `the vectors of RFC 5869 hold`(
    secret: [UInt8],
    salt: [UInt8],
    purpose: [UInt8],
    expected: String
  ) {
    let expected = hex(expected)
    let key = secret.withUnsafeBytes {
      HKDF.derive(from: $0, salt: salt, purpose: purpose, count: expected.count)
    }
    #expect(key == expected)
  }
}

@Suite struct CRC32Tests {
  /// The check value by which catalogues of such algorithms name this one, and edge cases.
  @Test(
    arguments: [
      ("123456789", 0xcbf4_3926), ("", 0), ("a", 0xe8b7_be43),
      ("The quick brown fox jumps over the lazy dog", 0x414f_a339),
    ] as [(String, UInt32)]
  )
  func `the check values hold`(text: String, expected: UInt32) {
    #expect(CRC32.checksum(text.utf8) == expected)
  }
}
