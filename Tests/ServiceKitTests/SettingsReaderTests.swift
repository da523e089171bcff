import Faults
import Foundation
import Testing

@testable import ServiceKit

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
    #expect(reader.integer("LATCHKEY_PORT", "a port", in: 1...65_535) == nil)
    #expect(reader.endpoint("LATCHKEY_LISTEN", "a place") == nil)
    #expect(reader.isOn("LATCHKEY_LIMITS", "limits", default: true) == nil)
    #expect(reader.choice("LATCHKEY_COLOUR", "a colour", default: Colour.red) == nil)
    #expect(reader.readableFile("LATCHKEY_CERT_FILE", "a file") == nil)
    #expect(reader.databaseURL("LATCHKEY_DATABASE_URL", "a database") == nil)
    #expect(reader.endpoint("LATCHKEY_ADDRESS", "another place") == nil)
    let fault = try #require(throws: Fault.self) { try reader.finish() }
    #expect(fault.code == .invalidArgument)
    #expect(
      fault.issues.map { $0.path.joined() } == [
        "LATCHKEY_PORT", "LATCHKEY_LISTEN", "LATCHKEY_LIMITS", "LATCHKEY_COLOUR",
        "LATCHKEY_CERT_FILE", "LATCHKEY_DATABASE_URL", "LATCHKEY_ADDRESS", "LATCHKEY_PROT",
      ]
    )
    #expect(fault.issues.first?.message == "is '70000'; expected a whole number from 1 to 65535")
    #expect(fault.issues.last?.code == "unrecognized_key")
  }

  /// A password in a connection string would end in process listings and in the log line at start.
  @Test func `a value that may hold a secret is not repeated when it is refused`() throws {
    let reader = SettingsReader([
      "LATCHKEY_DATABASE_URL": "postgresql://me:hunter2@localhost/x",
      "LATCHKEY_RPC_KEY_FILE": "hunter2",
      "LATCHKEY_OTLP_ENDPOINT": "http://me:hunter2@collector",
    ])
    _ = reader.databaseURL("LATCHKEY_DATABASE_URL", "a database")
    _ = reader.secretFile("LATCHKEY_RPC_KEY_FILE", "a key")
    _ = TracingSettings(reader)
    let fault = try #require(throws: Fault.self) { try reader.finish() }
    #expect(fault.issues.count == 3)
    #expect(!fault.debugDescription.contains("hunter2"))
  }

  @Test func `good values and defaults are returned and shown`() throws {
    let reader = SettingsReader(["LATCHKEY_PORT": "8443", "LATCHKEY_EMPTY": ""])
    let (port, limits, colour) = try reader.require(
      reader.integer("LATCHKEY_PORT", "a port", in: 1...65_535),
      reader.isOn("LATCHKEY_LIMITS", "limits", default: true),
      reader.choice("LATCHKEY_EMPTY", "a colour", default: Colour.green)
    )
    #expect(port == 8443)
    #expect(limits)
    #expect(colour == .green)
    #expect(reader.endpoint("LATCHKEY_PLACE", "a place", isOptional: true) == nil)
    #expect(
      reader.values == [
        "LATCHKEY_PORT": "8443", "LATCHKEY_LIMITS": "on", "LATCHKEY_EMPTY": "green",
      ]
    )
  }

  @Test func `what other services read is accepted, in the environment and in a file`() throws {
    let listing = SettingsListing(path: "f", bytes: Array("LATCHKEY_WEBHOOKS_MAX=1\n".utf8))
    let reader = SettingsReader(
      SettingSources(flags: [], environment: ["LATCHKEY_HTTPS_LISTEN": "x"], file: listing)
    )
    try reader.finish()
  }

  @Test(arguments: [
    ("host=/run dbname=latchkey user=keys", true),
    ("host=/run password=x", false),
    ("host=/run password = x", false),
    ("host=/run sslpassword=x", false),
    ("postgresql://keys@db.internal:5432/latchkey?sslmode=verify-full", true),
    ("postgresql://keys:x@localhost/latchkey", false),
    ("postgres://localhost/latchkey?user=keys&password=x", false),
    ("postgres://localhost/latchkey?user=keys&pass%77ord=x", false),
    ("postgresql:///latchkey?host=/run", true),
    ("dbname=password", true),
    ("http://db.internal", false),
  ])
  func `a connection string must be one, and may not hold a password`(url: String, isGood: Bool) {
    let reader = SettingsReader(["LATCHKEY_DATABASE_URL": url])
    #expect((reader.databaseURL("LATCHKEY_DATABASE_URL", "a database") != nil) == isGood)
  }

  /// Without proof a password, and every row, can be had by whoever answers in the server's place.
  @Test(arguments: [
    ("host=db.internal dbname=x", false),
    ("host=db.internal sslmode=prefer", false),
    ("host=db.internal sslmode=require", false),
    ("postgresql://keys@db.internal/x?ssl=true", false),
    ("host=db.internal sslmode=verify-ca", true),
    ("host=db.internal sslmode=verify-full", true),
    ("host=a,b sslmode=verify-full target_session_attrs=read-write", true),
    ("host=10.0.0.1", false),
    ("host=localhost.example", false),
    // This machine.
    ("host=localhost sslmode=disable", true),
    ("host=127.0.0.1", true),
    ("host=127.9.9.9", true),
    ("hostaddr=::1", true),
    ("postgresql://keys@[::1]:5432/x", true),
    ("host=db.internal hostaddr=127.0.0.1", true),
    ("host=@socket", true),
    // The address is where it leads, and each host counts.
    ("host=localhost hostaddr=10.0.0.1", false),
    ("host=/run hostaddr=10.0.0.1", false),
    ("host=localhost,db.internal", false),
    ("host=/run,10.0.0.1", false),
    // A file that nobody here has read says where.
    ("service=production sslmode=verify-full", false),
  ])
  func `a database's server that is elsewhere must prove who it is`(url: String, isGood: Bool) {
    let reader = SettingsReader(["LATCHKEY_DATABASE_URL": url])
    #expect((reader.databaseURL("LATCHKEY_DATABASE_URL", "a database") != nil) == isGood)
  }

  @Test(arguments: [
    (0o600, true), (0o400, true), (0o640, true), (0o644, false), (0o604, false), (0o602, false),
    (0o601, false),
  ])
  func `a secret must be closed to other users`(mode: Int, isGood: Bool) throws {
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("latchkey-test-\(UUID().uuidString)").path
    try Data("x".utf8).write(to: URL(fileURLWithPath: file))
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
    defer { try? FileManager.default.removeItem(atPath: file) }
    let reader = SettingsReader(["LATCHKEY_RPC_KEY_FILE": file])
    #expect((reader.secretFile("LATCHKEY_RPC_KEY_FILE", "a key") == file) == isGood)
    guard !isGood else { return }
    let fault = try #require(throws: Fault.self) { try reader.finish() }
    #expect(
      fault.issues.map(\.message) == [
        "is a file that other users of this machine can open; run `chmod 0600 \(file)`"
      ]
    )
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

  @Test func `where a program listens is known, and where it calls is not among it`() {
    let reader = SettingsReader([
      "LATCHKEY_A_LISTEN": "0.0.0.0:1", "LATCHKEY_B_LISTEN": "h:2", "LATCHKEY_KEYS_ADDRESS": "h:3",
    ])
    #expect(reader.listenEndpoint("LATCHKEY_A_LISTEN", "a place") != nil)
    #expect(reader.listenEndpoint("LATCHKEY_C_LISTEN", "no place", isOptional: true) == nil)
    #expect(reader.listenEndpoint("LATCHKEY_B_LISTEN", "another") != nil)
    #expect(reader.addresses(of: "keys") == [Endpoint(host: "h", port: 3)])
    #expect(
      reader.listening == [Endpoint(host: "0.0.0.0", port: 1), Endpoint(host: "h", port: 2)]
    )
  }

  @Test(
    arguments: [
      ("h:1", ["h:1"]),
      ("h:1,[::1]:2,h:3", ["h:1", "[::1]:2", "h:3"]),
      ("", nil), ("h:1,", nil), (",h:1", nil), ("h:1;h:2", nil), ("h:70000", nil), ("h:1,h:1", nil),
      ((1...65).map { "h:\($0)" }.joined(separator: ","), nil),
    ] as [(String, [String]?)]
  )
  func `a service has one host or several`(text: String, hosts: [String]?) {
    let reader = SettingsReader(["LATCHKEY_KEYS_ADDRESS": text])
    #expect(reader.addresses(of: "keys")?.map(\.description) == hosts)
  }
}
