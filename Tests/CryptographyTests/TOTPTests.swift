import Cryptography
import Primitives
import Testing

@Suite struct TOTPTests {
  private static let secret = Array("12345678901234567890".utf8)

  /// Source: RFC 6238, appendix B, the rows for SHA-1.
  @Test(arguments: [
    (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"),
    (1_234_567_890, "89005924"), (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
  ])
  func `the published codes come out`(seconds: Int64, expected: String) {
    let step = TOTP.step(at: Timestamp(milliseconds: seconds * 1_000))
    let totp = TOTP(secret: Self.secret)
    #expect(totp.code(at: step, digitCount: 8) == expected)
    // Authenticators show the last six digits.
    #expect(totp.code(at: step) == expected.suffix(6))
  }

  /// Source: RFC 4226, appendix D, whose counter is the step here.
  @Test(arguments: [
    (0, "755224"), (1, "287082"), (2, "359152"), (3, "969429"), (4, "338314"), (5, "254676"),
    (6, "287922"), (7, "162583"), (8, "399871"), (9, "520489"),
  ])
  func `the published codes of counters come out`(counter: Int64, expected: String) {
    #expect(TOTP(secret: Self.secret).code(at: counter) == expected)
  }

  private static let now = Timestamp(milliseconds: 1_700_000_010_000)
  private static let step = TOTP.step(at: now)

  @Test(arguments: [
    (-2, false), (-1, true), (0, true), (1, true), (2, false),
  ])
  func `a code counts in its step and in those beside it`(distance: Int64, isGood: Bool) {
    let totp = TOTP(secret: Self.secret)
    let code = totp.code(at: Self.step + distance)
    let found = totp.step(of: code, at: Self.now, after: 0)
    #expect(found == (isGood ? Self.step + distance : nil))
  }

  @Test func `neither a used code nor one before it counts again`() {
    let totp = TOTP(secret: Self.secret)
    for last in -1...1 {
      for distance in -1...1 {
        let code = totp.code(at: Self.step + Int64(distance))
        let found = totp.step(of: code, at: Self.now, after: Self.step + Int64(last))
        #expect((found != nil) == (distance > last), "\(distance) after \(last)")
      }
    }
  }

  @Test(arguments: ["", "00000", "0000000", "abcdef", "12345６", "  1234"])
  func `what is no code is none`(text: String) {
    #expect(TOTP(secret: Self.secret).step(of: text, at: Self.now, after: 0) == nil)
  }

  /// Source: Google Authenticator's "Key Uri Format"; the secret by RFC 4648.
  @Test func `an authenticator can read the address`() {
    let totp = TOTP(secret: Self.secret)
    #expect(totp.typedSecret == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    #expect(
      totp.uri(for: "ada+1@example.com")
        == "otpauth://totp/Latchkey%3Aada%2B1%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        + "&issuer=Latchkey&algorithm=SHA1&digits=6&period=30"
    )
    #expect(!"\(totp)".contains("GEZD") && !String(reflecting: totp).contains("49"))
  }
}

@Suite struct RecoveryCodeTests {
  private static let secret = [UInt8](repeating: 7, count: 20)

  @Test func `a code is read as people type it`() throws {
    let code = RecoveryCode.generate()
    #expect(code.text.utf8.count == 11)
    let mac = code.mac(under: Self.secret)
    #expect(mac.count == 32)
    let bare = code.text.replacing("-", with: "")
    for text in [code.text, bare, code.text.lowercased(), " \(bare) "] {
      #expect(try #require(RecoveryCode(text)).mac(under: Self.secret) == mac)
    }
    // Look-alikes are folded.
    let typed = try #require(RecoveryCode("OIL00-00000"))
    #expect(typed.text == "01100-00000")
  }

  @Test(arguments: ["", "0000-0000", "00000-000000", "UUUUU-UUUUU", "00000_00000", "००००००००००"])
  func `what is no code is none`(text: String) { #expect(RecoveryCode(text) == nil) }

  @Test func `what is kept depends on the secret, and is no plain hash`() {
    let code = RecoveryCode.generate()
    let mac = code.mac(under: Self.secret)
    #expect(code.mac(under: [UInt8](repeating: 8, count: 20)) != mac)
    #expect(SHA256.hash(code.text) != mac)
    #expect(SHA256.hash(code.text.replacing("-", with: "")) != mac)
    #expect(!"\(code)".contains(code.text))
  }
}

@Suite struct OpaqueTokenTests {
  @Test func `a token is read back, and no two are the same`() throws {
    let token = OpaqueToken.generate()
    #expect(token.text.utf8.count == 43)
    #expect(try #require(OpaqueToken.parse(token.text)).hash == SHA256.hash(token.text))
    #expect(OpaqueToken.generate().text != token.text)
    #expect(!"\(token)".contains(token.text) && !String(reflecting: token).contains(token.text))
  }

  @Test(arguments: [
    "", "x", String(repeating: "A", count: 42), String(repeating: "A", count: 44),
    String(repeating: "A", count: 42) + "=", String(repeating: "A", count: 42) + "+",
    // Bits beyond the 256 must be zero: one token has one text.
    String(repeating: "A", count: 42) + "B",
  ])
  func `what is no token is refused`(text: String) { #expect(OpaqueToken.parse(text) == nil) }
}
