private import COpenSSL
public import Primitives

/// Time-based one-time passwords, as authenticators show them: HMAC-SHA-1, 6 digits, a new one every 30 s.
///
/// SHA-1 is what all authenticators have; HMAC does not rest on the property that SHA-1 has lost.
/// Source: RFC 6238; RFC 4226, section 5.3; the address of a secret: Google Authenticator's "Key Uri Format".
public struct TOTP: Sendable {
  /// The number of bytes of a secret.
  ///
  /// Source: RFC 4226, section 4, requirement 6.
  public static let secretByteCount = 20
  /// How long a code is shown.
  public static let stepSeconds: Int64 = 30
  /// How many steps before and after the present one count: clocks differ, and people type slowly.
  ///
  /// Source: RFC 6238, section 5.2.
  private static let window: Int64 = 1
  private static let issuer = "Latchkey"

  private let secret: SecretBytes

  /// Copies a secret of at least one byte; whoever has it wipes the original.
  public init(secret: [UInt8]) {
    self.secret = SecretBytes(count: secret.count) { memory in
      secret.withUnsafeBytes { memory.copyMemory(from: $0) }
    }
  }

  /// The number of the 30 seconds that a moment lies in.
  public static func step(at moment: Timestamp) -> Int64 { moment.seconds / stepSeconds }

  /// The code of a step.
  ///
  /// - Parameters:
  ///   - step: From ``step(at:)``.
  ///   - digitCount: 6 for authenticators; up to 9.
  /// - Returns: That many decimal digits.
  public func code(at step: Int64, digitCount: Int = 6) -> String {
    let hash = withUnsafeBytes(of: step.bigEndian) { hmac(of: [UInt8]($0)) }
    // The last four bits choose the four bytes that are taken, without their first bit.
    let offset = Int(hash[hash.count - 1] & 0xF)
    let number = hash[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
    let modulus = (0..<digitCount).reduce(UInt32(1)) { product, _ in product * 10 }
    let digits = String(number % modulus)
    return String(repeating: "0", count: digitCount - digits.count) + digits
  }

  /// The step that a code belongs to.
  ///
  /// - Parameters:
  ///   - code: What was typed.
  ///   - moment: Now.
  ///   - last: The last step that was accepted; it and those before it are not accepted again.
  /// - Returns: The step, to be remembered; nil when the code is wrong, too old, or used.
  public func step(of code: String, at moment: Timestamp, after last: Int64) -> Int64? {
    let typed = Array(code.utf8)
    let now = Self.step(at: moment)
    var found: Int64?
    // All are compared, whichever it is.
    for step in (now - Self.window)...(now + Self.window) {
      if constantTimeEquals(Array(self.code(at: step).utf8), typed), step > last { found = step }
    }
    return found
  }

  /// The secret as authenticators take it from a picture; `account` is the e-mail address of whom it is for.
  public func uri(for account: String) -> String {
    let label = Self.percentEncoded("\(Self.issuer):\(account)")
    return "otpauth://totp/\(label)?secret=\(typedSecret)&issuer=\(Self.issuer)"
      + "&algorithm=SHA1&digits=6&period=\(Self.stepSeconds)"
  }

  /// The secret for those who type it.
  public var typedSecret: String {
    var bytes = secret.copy()
    defer { wipe(&bytes) }
    return Base32.encode(bytes)
  }

  private func hmac(of message: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 20) { output, count in
      var length: UInt32 = 0
      let result = secret.withUnsafeBytes { key in
        HMAC(
          EVP_sha1(),
          key.baseAddress,
          Int32(key.count),
          message,
          message.count,
          output.baseAddress,
          &length
        )
      }
      precondition(result != nil && length == 20, "OpenSSL could not compute an HMAC with SHA-1")
      count = 20
    }
  }

  /// What is no unreserved character becomes `%XX`.
  ///
  /// Source: RFC 3986, section 2.3.
  private static func percentEncoded(_ text: String) -> String {
    var encoded: [UInt8] = []
    for byte in text.utf8 {
      switch UnicodeScalar(byte) {
      case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_", "~": encoded.append(byte)
      default:
        encoded.append(UInt8(ascii: "%"))
        encoded.append(contentsOf: Hex.encode([byte]).uppercased().utf8)
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}

extension TOTP: CustomStringConvertible, CustomReflectable {
  /// The kind only.
  public var description: String { "TOTP(redacted)" }

  /// Shows no children, so that `dump` does not print the secret.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
