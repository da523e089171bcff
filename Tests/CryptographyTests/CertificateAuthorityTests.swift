import Cryptography
import Faults
import Foundation
import Primitives
import Testing

@Suite struct CertificateAuthorityTests {
  /// Runs the `openssl` command in a folder of its own that holds the given files.
  ///
  /// - Returns: Exit status, and standard output and error together.
  private func openssl(
    _ arguments: [String],
    files: [String: [UInt8]]
  ) throws -> (status: Int32, output: String) {
    let folder = URL(fileURLWithPath: NSTemporaryDirectory())
      .appendingPathComponent("latchkey-certificates-\(Foundation.UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, content) in files {
      try Data(content).write(to: folder.appendingPathComponent(name))
    }
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }

  private func service(
    _ authority: CertificateAuthority,
    days: Int = 365,
    now: Timestamp = .now()
  ) throws -> IssuedCertificate {
    try authority.issue(
      commonName: "licenses",
      names: [.dns("licenses"), .dns("localhost"), .ip("127.0.0.1")],
      usage: [.server, .client],
      days: days,
      now: now
    )
  }

  /// `-x509_strict` is what Python 3.13 asks for in its default context.
  @Test(arguments: [
    ["-purpose", "sslserver", "-verify_hostname", "licenses"],
    ["-purpose", "sslserver", "-verify_hostname", "localhost"],
    ["-purpose", "sslserver", "-verify_ip", "127.0.0.1"],
    ["-purpose", "sslclient"],
  ])
  func `a certificate passes strict verification`(checks: [String]) throws {
    let authority = try CertificateAuthority.make(commonName: "Latchkey development")
    let issued = try service(authority)
    let files = ["ca.pem": authority.certificatePEM, "leaf.pem": issued.chainPEM]
    let result = try openssl(
      ["verify", "-x509_strict", "-check_ss_sig", "-CAfile", "ca.pem"] + checks + ["leaf.pem"],
      files: files
    )
    #expect(result.status == 0 && result.output.contains("leaf.pem: OK"), "\(result.output)")
  }

  @Test(arguments: [
    ["-verify_hostname", "keys"], ["-verify_ip", "127.0.0.2"], ["-attime", "4102444800"],
  ])
  func `a certificate passes for nothing else`(checks: [String]) throws {
    let authority = try CertificateAuthority.make(commonName: "Latchkey development")
    let issued = try service(authority)
    let files = ["ca.pem": authority.certificatePEM, "leaf.pem": issued.chainPEM]
    let result = try openssl(
      ["verify", "-x509_strict", "-CAfile", "ca.pem"] + checks + ["leaf.pem"],
      files: files
    )
    #expect(result.status != 0)
  }

  @Test func `another authority's certificate is refused`() throws {
    let authority = try CertificateAuthority.make(commonName: "Latchkey development")
    let other = try CertificateAuthority.make(commonName: "Latchkey development")
    let files = ["ca.pem": other.certificatePEM, "leaf.pem": try service(authority).chainPEM]
    #expect(try openssl(["verify", "-CAfile", "ca.pem", "leaf.pem"], files: files).status != 0)
  }

  @Test func `usages are not exchanged`() throws {
    let authority = try CertificateAuthority.make(commonName: "Latchkey development")
    for (usage, purpose) in [
      (CertificateAuthority.Usage.server, "sslclient"), (.client, "sslserver"),
    ] {
      let issued = try authority.issue(commonName: "x", names: [.dns("x")], usage: usage)
      let files = ["ca.pem": authority.certificatePEM, "leaf.pem": issued.chainPEM]
      let result = try openssl(
        ["verify", "-purpose", purpose, "-CAfile", "ca.pem", "leaf.pem"],
        files: files
      )
      #expect(result.status != 0)
    }
  }

  @Test func `the text form says what was asked for`() throws {
    let authority = try CertificateAuthority.make(commonName: "Latchkey development")
    let root = try openssl(
      ["x509", "-noout", "-text", "-in", "ca.pem"],
      files: ["ca.pem": authority.certificatePEM]
    )
    #expect(root.output.contains("CA:TRUE, pathlen:0"))
    #expect(root.output.contains("Certificate Sign, CRL Sign"))
    #expect(root.output.contains("CN = Latchkey development"))

    let issued = try authority.issue(
      commonName: "gateway",
      names: [.dns("gateway"), .ip("127.0.0.1"), .ip("::1")],
      usage: .server
    )
    let leaf = try openssl(
      ["x509", "-noout", "-text", "-in", "leaf.pem"],
      files: ["leaf.pem": issued.chainPEM]
    )
    for expected in [
      "Version: 3", "ASN1 OID: prime256v1", "ecdsa-with-SHA256", "CA:FALSE",
      "X509v3 Key Usage: critical\n                Digital Signature\n",
      "TLS Web Server Authentication\n", "X509v3 Subject Key Identifier",
      "X509v3 Authority Key Identifier",
      "DNS:gateway, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    ] {
      #expect(leaf.output.contains(expected))
    }
  }

  @Test func `the private key belongs to the certificate and is readable`() throws {
    let authority = try CertificateAuthority.make(commonName: "Latchkey development")
    let issued = try service(authority)
    let files = ["leaf.pem": issued.chainPEM, "key.pem": issued.privateKeyPEM.copy()]
    let key = try openssl(["pkey", "-in", "key.pem", "-pubout"], files: files)
    let certificate = try openssl(
      ["x509", "-in", "leaf.pem", "-noout", "-pubkey"],
      files: files
    )
    #expect(key.status == 0 && certificate.status == 0)
    #expect(key.output == certificate.output)
    #expect(key.output.hasPrefix("-----BEGIN PUBLIC KEY-----"))
  }

  @Test func `a certificate is told from another one's key`() throws {
    let authority = try CertificateAuthority.make(commonName: "A")
    let (one, other) = (try service(authority), try service(authority))
    #expect(try IssuedCertificate.isPair(one.chainPEM, one.privateKeyPEM))
    #expect(try !IssuedCertificate.isPair(one.chainPEM, other.privateKeyPEM))
    let fault = #expect(throws: Fault.self) {
      try IssuedCertificate.isPair(Array("x".utf8), one.privateKeyPEM)
    }
    #expect(fault?.code == .failedPrecondition)
  }

  /// `latchkey up` keeps its authority from one start to the next.
  @Test func `an authority is loaded again and goes on issuing`() throws {
    let made = try CertificateAuthority.make(commonName: "Latchkey development")
    let loaded = try CertificateAuthority.load(
      certificatePEM: made.certificatePEM,
      privateKeyPEM: made.privateKeyPEM
    )
    let files = ["ca.pem": made.certificatePEM, "leaf.pem": try service(loaded).chainPEM]
    let result = try openssl(
      ["verify", "-x509_strict", "-CAfile", "ca.pem", "leaf.pem"],
      files: files
    )
    #expect(result.status == 0)
  }

  @Test func `what is no authority is not loaded`() throws {
    let authority = try CertificateAuthority.make(commonName: "A")
    let other = try CertificateAuthority.make(commonName: "B")
    let leaf = try service(authority)
    var nonsense = Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
    let notAKey = SecretBytes(wiping: &nonsense)
    let cases: [([UInt8], SecretBytes)] = [
      (authority.certificatePEM, other.privateKeyPEM),
      (leaf.chainPEM, leaf.privateKeyPEM),
      ([], authority.privateKeyPEM),
      (Array("nonsense".utf8), authority.privateKeyPEM),
      (authority.certificatePEM, notAKey),
    ]
    for (certificate, key) in cases {
      let fault = #expect(throws: Fault.self) {
        try CertificateAuthority.load(certificatePEM: certificate, privateKeyPEM: key)
      }
      #expect(fault?.code == .failedPrecondition)
    }
  }

  @Test func `a certificate ends when asked, but never after its issuer`() throws {
    let now = try #require(Timestamp(iso8601: "2026-01-15T10:30:00.500Z"))
    let authority = try CertificateAuthority.make(commonName: "A", days: 10, now: now)
    let short = try service(authority, days: 5, now: now)
    let long = try service(authority, days: 50, now: now)
    let end = try IssuedCertificate.expiry(ofPEM: authority.certificatePEM)
    #expect(end.iso8601 == "2026-01-25T10:30:00.000Z")
    #expect(
      try IssuedCertificate.expiry(ofPEM: short.chainPEM).iso8601 == "2026-01-20T10:30:00.000Z"
    )
    #expect(try IssuedCertificate.expiry(ofPEM: long.chainPEM) == end)
    let fault = #expect(throws: Fault.self) { try service(authority, now: end + .seconds(1)) }
    #expect(fault?.code == .failedPrecondition)
    #expect(throws: Fault.self) { try IssuedCertificate.expiry(ofPEM: Array("x".utf8)) }
  }

  /// The names go through OpenSSL's configuration syntax, in which a comma begins another name.
  @Test(
    arguments: [
      .dns(""), .dns("a,DNS:evil"), .dns("a b"), .dns("-a"), .dns("a-"), .dns("a..b"), .dns("a."),
      .dns("*.a"), .dns("a:b"), .dns("é"), .dns("a\n"), .dns("@section"), .dns("a\u{0}"),
      .dns(String(repeating: "a", count: 64)), .dns(String(repeating: "a.", count: 127) + "a"),
      .ip("localhost"), .ip("1.2.3"), .ip("1.2.3.4,DNS:evil"), .ip("1.2.3.4/8"), .ip("::g"),
      .ip("1.2.3.4\u{0}"), .ip(""), .ip("::1%lo"),
    ] as [CertificateName]
  )
  func `a malformed name is refused`(name: CertificateName) throws {
    let authority = try CertificateAuthority.make(commonName: "A")
    let fault = #expect(throws: Fault.self) {
      try authority.issue(commonName: "a", names: [.dns("good"), name], usage: .server)
    }
    #expect(fault?.code == .invalidArgument)
  }

  @Test func `a certificate without name, usage or common name is refused`() throws {
    let authority = try CertificateAuthority.make(commonName: "A")
    for fault in [
      #expect(throws: Fault.self) {
        try authority.issue(commonName: "a", names: [], usage: .server)
      },
      #expect(throws: Fault.self) {
        try authority.issue(commonName: "a", names: [.dns("a")], usage: [])
      },
      #expect(throws: Fault.self) {
        try authority.issue(commonName: "", names: [.dns("a")], usage: .server)
      },
      #expect(throws: Fault.self) {
        try authority.issue(commonName: "a", names: [.dns("a")], usage: .server, days: 0)
      },
      #expect(throws: Fault.self) {
        try CertificateAuthority.make(commonName: String(repeating: "a", count: 65))
      },
      #expect(throws: Fault.self) { try CertificateAuthority.make(commonName: "a", days: 36_501) },
    ] {
      #expect(fault?.code == .invalidArgument)
    }
  }

  @Test func `serial numbers do not repeat`() throws {
    let authority = try CertificateAuthority.make(commonName: "A")
    let serials = try (0..<5).map { _ in
      try openssl(
        ["x509", "-noout", "-serial", "-in", "leaf.pem"],
        files: ["leaf.pem": try service(authority).chainPEM]
      ).output
    }
    #expect(Set(serials).count == 5)
  }
}
