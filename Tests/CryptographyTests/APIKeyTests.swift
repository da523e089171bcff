import Cryptography
import Primitives
import Testing

@Suite struct APIKeyTests {
  @Test(arguments: Environment.allCases)
  func `a new key has the form and comes back`(environment: Environment) throws {
    let key = APIKey.generate(environment)
    #expect(key.text.utf8.count == 44 && APIKey.characterCount == 44)
    #expect(key.text.hasPrefix("lk_\(environment.rawValue)_"))
    #expect(key.text.utf8.dropFirst(8).allSatisfy { Base62.value(of: $0) != nil })
    let parsed = try #require(APIKey.parse(key.text))
    #expect(parsed == key)
    #expect(parsed.environment == environment)
    #expect(parsed.hash == SHA256.hash(key.text))
  }

  /// A fixed key, so that neither alphabet nor checksum can change unnoticed under keys in use.
  ///
  /// Its
  /// checksum was computed with Python: zlib.crc32(b"lk_test_" + b"0" * 30), in base 62.
  @Test func `a known key is read`() {
    #expect(APIKey.parse("lk_test_0000000000000000000000000000002kSFVj")?.environment == .test)
  }

  /// Every possible typing error of one character, and every exchange of neighbours.
  @Test func `the checksum notices typing errors`() {
    let key = Array(APIKey.generate(.live).text.utf8)
    for index in key.indices {
      for value in 0..<Base62.radix where Base62.character(value) != key[index] {
        var changed = key
        changed[index] = Base62.character(value)
        #expect(APIKey.parse(String(decoding: changed, as: UTF8.self)) == nil)
      }
      var swapped = key
      let next = (index + 1) % key.count
      swapped.swapAt(index, next)
      guard swapped != key else { continue }
      #expect(APIKey.parse(String(decoding: swapped, as: UTF8.self)) == nil)
    }
  }

  @Test func `a key of one environment is no key of the other`() {
    let text = APIKey.generate(.test).text
    #expect(APIKey.parse(text.replacing("lk_test_", with: "lk_live_")) == nil)
  }

  @Test(arguments: [
    "", "lk_test_", "lk_live_short", String(repeating: "a", count: 44),
    "LK_TEST_00000000000000000000000000000" + "0000000",
    "sk_live_" + String(repeating: "0", count: 36),
    "lk_test_" + String(repeating: "é", count: 18), "lk_test_" + String(repeating: "-", count: 36),
    "lk_test_" + String(repeating: "0", count: 36), "lk_test_" + String(repeating: "z", count: 36),
    "lk_test_" + String(repeating: "0", count: 1_000_000),
    "lk_test_" + String(repeating: "\u{0}", count: 36),
  ])
  func `other text is refused`(text: String) {
    #expect(APIKey.parse(text) == nil)
  }

  @Test func `spaces around a key are not forgiven`() {
    let text = APIKey.generate(.test).text
    #expect(APIKey.parse(" " + text) == nil)
    #expect(APIKey.parse(text + "\n") == nil)
  }

  @Test func `no way of printing shows more than the hint`() {
    let key = APIKey.generate(.live)
    let secret = String(key.text.dropFirst(12))
    var dumped = ""
    dump(key, to: &dumped)
    for text in ["\(key)", String(reflecting: key), dumped, "\([key])"] {
      #expect(!text.contains(secret))
      #expect(!text.contains(secret.prefix(6)))
    }
    #expect(key.hint == key.text.prefix(12))
  }

  @Test func `keys are different, and use all characters`() {
    let keys = (0..<500).map { _ in APIKey.generate(.test).text }
    #expect(Set(keys).count == 500)
    #expect(Set(keys.flatMap { $0.dropFirst(8).prefix(30) }).count == 62)
  }
}
