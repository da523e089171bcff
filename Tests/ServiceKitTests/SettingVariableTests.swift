import Testing

@testable import ServiceKit

@Suite struct SettingVariableTests {
  @Test(arguments: [
    ("", "''"), ("plain/value:1", "plain/value:1"), ("a b", "'a b'"), ("it's", "'it'\\''s'"),
    ("'", "''\\'''"), ("''", "''\\'''\\'''"), ("\"", "'\"'"), ("a=b$c`d\\", "'a=b$c`d\\'"),
  ])
  func `a value is written as a shell reads it, and read again`(value: String, written: String) {
    #expect(SettingVariable.quoted(value) == written)
    #expect(SettingVariable.unquoted(written) == value)
  }

  @Test(arguments: ["'", "'a", "a'", "'a'b'", "\"a\"", "a\"b", "'a' 'b'"])
  func `other quotes are refused`(text: String) {
    #expect(SettingVariable.unquoted(text) == nil)
  }

  @Test func `what needs no quotes may stand without them`() {
    #expect(SettingVariable.unquoted("host=/run user=x") == "host=/run user=x")
  }
}
