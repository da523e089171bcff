private import Primitives

/// The secret that an account shares with its SDKs, to sign validation answers with HMAC-SHA256.
///
/// It is 32 random bytes, but everybody uses it as text: the HMAC key is the 64 lower-case
/// hexadecimal digits themselves, never the bytes they stand for.
public enum ResponseSigningSecret {
  /// The number of characters.
  public static let characterCount = 64

  /// Makes a new key: 64 ASCII digits.
  public static func generate() -> SecretBytes {
    let random = SecretBytes.random(count: characterCount / 2)
    return SecretBytes(count: characterCount) { text in
      random.withUnsafeBytes { random in
        for (index, byte) in random.enumerated() {
          text[index * 2] = Hex.digit(byte >> 4)
          text[index * 2 + 1] = Hex.digit(byte)
        }
      }
    }
  }
}
