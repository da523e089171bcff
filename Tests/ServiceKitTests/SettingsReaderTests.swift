import Faults
import ServiceKit
import Testing

@Suite struct SettingsReaderTests {
  private enum Colour: String, CaseIterable { case red, green }

  @Test func `all complaints come at once, each with the setting's name`() throws {
    let reader = SettingsReader([
      "LATCHKEY_PORT": "70000",
      "LATCHKEY_LISTEN": "nowhere",
      "LATCHKEY_LIMITS": "yes",
      "LATCHKEY_COLOUR": "blue",
      "LATCHKEY_CERT_FILE": "/does/not/exist",
      "LATCHKEY_DATABASE_URL": "postgresql://me:pw@localhost/x",
      "LATCHKEY_PROT": "1",
      "PATH": "/usr/bin",
    ])
    #expect(reader.integer("LATCHKEY_PORT", in: 1...65_535) == nil)
    #expect(reader.endpoint("LATCHKEY_LISTEN") == nil)
    #expect(reader.isOn("LATCHKEY_LIMITS", default: true) == nil)
    #expect(reader.choice("LATCHKEY_COLOUR", default: Colour.red) == nil)
    #expect(reader.readableFile("LATCHKEY_CERT_FILE") == nil)
    #expect(reader.databaseURL("LATCHKEY_DATABASE_URL") == nil)
    #expect(reader.text("LATCHKEY_NAME") == nil)
    let fault = try #require(throws: Fault.self) { try reader.finish() }
    #expect(fault.code == .invalidArgument)
    #expect(
      fault.issues.map { $0.path.joined() } == [
        "LATCHKEY_PORT", "LATCHKEY_LISTEN", "LATCHKEY_LIMITS", "LATCHKEY_COLOUR",
        "LATCHKEY_CERT_FILE", "LATCHKEY_DATABASE_URL", "LATCHKEY_NAME", "LATCHKEY_PROT",
      ]
    )
    #expect(fault.issues.first?.message.contains("from 1 to 65535") == true)
    #expect(fault.issues.last?.code == "unrecognized_key")
  }

  /// A password in a connection string would end in process listings and in the log line at start.
  @Test func `a refused connection string is not repeated`() throws {
    let reader = SettingsReader(["LATCHKEY_DATABASE_URL": "postgresql://me:hunter2@localhost/x"])
    _ = reader.databaseURL("LATCHKEY_DATABASE_URL")
    let fault = try #require(throws: Fault.self) { try reader.finish() }
    #expect(!fault.debugDescription.contains("hunter2"))
  }

  @Test func `good values and defaults are returned and shown`() throws {
    let reader = SettingsReader(["LATCHKEY_PORT": "8443", "LATCHKEY_EMPTY": ""])
    let (port, limits, colour) = try reader.require(
      reader.integer("LATCHKEY_PORT", in: 1...65_535),
      reader.isOn("LATCHKEY_LIMITS", default: true),
      reader.choice("LATCHKEY_EMPTY", default: Colour.green)
    )
    #expect(port == 8443)
    #expect(limits)
    #expect(colour == .green)
    #expect(reader.summary.map(\.name) == ["LATCHKEY_PORT", "LATCHKEY_LIMITS", "LATCHKEY_EMPTY"])
    #expect(reader.summary.first?.value == "8443")
  }

  @Test func `settings of another mode are accepted without being read`() throws {
    let reader = SettingsReader(["LATCHKEY_OTHER": "x"], alsoKnown: ["LATCHKEY_OTHER"])
    try reader.finish()
  }

  @Test(arguments: [
    ("host=/run dbname=latchkey user=keys", true),
    ("host=/run password=x", false),
    ("host=/run password = x", false),
    ("postgresql://keys@db.internal:5432/latchkey?sslmode=verify-full", true),
    ("postgresql://keys:x@db.internal/latchkey", false),
    ("postgres://db.internal/latchkey?user=keys&password=x", false),
    ("postgresql:///latchkey?host=/run", true),
  ])
  func `a connection string may not hold a password`(url: String, isGood: Bool) {
    let reader = SettingsReader(["LATCHKEY_DATABASE_URL": url])
    #expect((reader.databaseURL("LATCHKEY_DATABASE_URL") != nil) == isGood)
  }

  @Test(arguments: [
    ("127.0.0.1:80", "127.0.0.1", 80),
    ("[::1]:8443", "::1", 8443),
    ("keys.internal:0", "keys.internal", 0),
    ("keys:65535", "keys", 65_535),
  ])
  func `endpoints are read and written alike`(text: String, host: String, port: UInt16) throws {
    let endpoint = try #require(Endpoint(text))
    #expect(endpoint == Endpoint(host: host, port: port))
    #expect(endpoint.description == text)
  }

  @Test(arguments: [
    "", ":80", "host", "host:", "host:65536", "host:-1", "host:+1", "host:8o", "::1:80", "[::1]",
    "[host]:80", "[::1:80", "ho st:80", "host/x:80", "hóst:80",
  ])
  func `malformed endpoints are refused`(text: String) {
    #expect(Endpoint(text) == nil)
  }
}
