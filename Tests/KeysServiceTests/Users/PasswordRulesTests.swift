import Faults
import Testing

@testable import KeysService

@Suite struct PasswordRulesTests {
  private static let email = EmailAddress("ada.lovelace@engines.example")

  private func isTaken(_ password: String) -> Bool {
    (try? PasswordRules.check(password, email: Self.email, field: "password")) != nil
  }

  @Test(arguments: [
    "correct horse battery", "zwölf Zeichen", "aaaaaaaaaaab", "Tr0ub4dor&3xyz", "一二三四五六七八九十百千万",
    "ada.lovelace and her engine", "            x", "🐢🐇🐢🐇🐢🐇🐢🐇🐢🐇🐇🐢",
  ])
  func `what is long and not guessed first is taken, of whatever it is made`(password: String) {
    #expect(isTaken(password))
  }

  @Test(arguments: [
    // Common.
    "password1234", "PASSWORD1234", "qwertyuiop123", "123456789012", "administrator",
    // Runs and repetitions.
    "aaaaaaaaaaaa", "abababababab", "abcabcabcabc", "12341234123412", "abcdefghijkl",
    "lkjihgfedcba",
    "            ",
    // The user's own names, and ours.
    "ada.lovelace@engines.example", "lovelace1815", "Lovelace-1815", "latchkey2026",
    "latchkeyada.lovelace",
    "lovelacelovelace1",
  ])
  func `what is tried first is refused, naming the field`(password: String) throws {
    let fault = #expect(throws: Fault.self) {
      try PasswordRules.check(password, email: Self.email, field: "newPassword")
    }
    #expect(fault?.issues.map(\.path) == [["newPassword"]])
    #expect(fault?.issues.first?.message.contains(password) == false)
  }

  @Test func `the list has only what the length lets through, in lower case`() {
    #expect(CommonPasswords.all.count > 100)
    for password in CommonPasswords.all {
      #expect(password.unicodeScalars.count >= 12, "\(password)")
      #expect(password == password.lowercased())
    }
  }
}

@Suite struct DashboardAddressTests {
  @Test(arguments: [
    "https://latchkey.example", "https://localhost:8443", "https://192.0.2.1",
    "https://[2001:db8::1]:8443",
  ])
  func `a host is an address`(text: String) { #expect(DashboardAddress(text) != nil) }

  @Test(arguments: [
    "", "http://latchkey.example", "https://", "https://a/", "https://a/b", "https://a?b",
    "https://a#b",
    "https://user@host", "https://a b", "latchkey.example",
    "https://" + String(repeating: "a", count: 250),
  ])
  func `anything else is refused`(text: String) { #expect(DashboardAddress(text) == nil) }
}
