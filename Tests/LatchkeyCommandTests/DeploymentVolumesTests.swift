import Cryptography
import Faults
import Foundation
import Testing

@testable import LatchkeyCommand

@Suite struct DeploymentVolumesTests {
  /// Volumes of one test, made as a container engine makes them, and removed with it.
  private final class Scratch {
    let volumes: DeploymentVolumes

    init(host: String? = "licensing.example.com") throws {
      let path = FileManager.default.temporaryDirectory
        .appendingPathComponent("latchkey-test-\(UUID().uuidString)").path
      volumes = DeploymentVolumes(path: path, host: host)
      for folder in Scratch.folders {
        try FileManager.default.createDirectory(
          atPath: "\(path)/\(folder)",
          withIntermediateDirectories: true
        )
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: volumes.path) }

    private static let shared = ["postgres", "keys", "signing", "licenses", "webhooks", "operator"]
    static let folders =
      (["database"] + shared).map { "secrets/\($0)" }
      + (["authorities", "gateway"] + shared).map { "certificates/\($0)" }

    /// Does what `latchkey deploy setup` does.
    func setUp() throws -> String {
      try volumes.check()
      let secrets = try DeploymentSecrets.prepare(volumes)
      _ = try DeploymentCertificates.prepare(volumes)
      try volumes.copyAuthorities()
      try volumes.copySecrets()
      try volumes.complete()
      return secrets
    }

    func names(_ folder: String) throws -> [String] {
      try Files.entries(of: "\(volumes.path)/\(folder)")
    }

    func bytes(_ file: String) throws -> Data {
      try Data(contentsOf: URL(fileURLWithPath: "\(volumes.path)/\(file)"))
    }
  }

  private static let held: [(folder: String, files: [String])] = [
    ("secrets/postgres", ["latchkey_admin.password"]),
    ("secrets/keys", ["latchkey_keys.password", "master-keys"]),
    ("secrets/signing", ["latchkey_signing.password", "master-keys"]),
    ("secrets/licenses", ["latchkey_licenses.password", "master-keys"]),
    ("secrets/webhooks", ["latchkey_webhooks.password", "master-keys"]),
    ("secrets/operator", ["latchkey_auditor.password"]),
    ("certificates/postgres", ["postgres.key", "postgres.pem"]),
    ("certificates/keys", ["keys.key", "keys.pem", "rpc-ca.pem"]),
    ("certificates/signing", ["rpc-ca.pem", "signing.key", "signing.pem"]),
    (
      "certificates/gateway",
      ["gateway.key", "gateway.pem", "https.key", "https.pem", "rpc-ca.pem"]
    ),
    ("certificates/operator", ["https-ca.pem", "operator.key", "operator.pem", "rpc-ca.pem"]),
  ]

  @Test(arguments: held)
  func `each volume has what its holder needs, and nothing else`(
    folder: String,
    files: [String]
  ) throws {
    let scratch = try Scratch()
    #expect(try scratch.setUp() == "made")
    #expect(try scratch.names(folder) == files)
  }

  @Test func `each service has master keys of its own`() throws {
    let scratch = try Scratch()
    _ = try scratch.setUp()
    let keys = try ["keys", "signing", "licenses", "webhooks"].map {
      try scratch.bytes("secrets/\($0)/master-keys")
    }
    #expect(Set(keys).count == keys.count)
  }

  @Test func `a second start changes no file`() throws {
    let scratch = try Scratch()
    _ = try scratch.setUp()
    func versions() throws -> [String: ino_t] {
      var versions: [String: ino_t] = [:]
      for folder in Scratch.folders {
        for name in try scratch.names(folder) {
          var status = stat()
          #expect(stat("\(scratch.volumes.path)/\(folder)/\(name)", &status) == 0)
          #expect(status.st_mode & 0o777 == 0o600)
          versions["\(folder)/\(name)"] = status.st_ino
        }
      }
      return versions
    }
    let before = try versions()
    #expect(try scratch.setUp() == "kept")
    #expect(try versions() == before)
  }

  @Test(arguments: ["keys", "signing"])
  func `master keys that were lost are not made anew`(service: String) throws {
    let scratch = try Scratch()
    _ = try scratch.setUp()
    let path = "\(scratch.volumes.path)/secrets/\(service)/master-keys"
    #expect(unlink(path) == 0)
    let fault = try #require(throws: Fault.self) { _ = try scratch.setUp() }
    #expect(fault.message.contains("\(path) is missing"))
  }

  @Test(
    arguments: [
      (nil, .dns("localhost"), true), (nil, .dns("licensing.example.com"), false),
      ("licensing.example.com", .dns("licensing.example.com"), true),
      ("203.0.113.9", .ip("203.0.113.9"), true), ("2001:db8::9", .ip("2001:db8::9"), true),
    ] as [(String?, CertificateName, Bool)]
  )
  func `users' certificate is for the host of the URL`(
    host: String?,
    name: CertificateName,
    isHeld: Bool
  ) throws {
    let scratch = try Scratch(host: host)
    _ = try scratch.setUp()
    let certificate = Array(try scratch.bytes("certificates/gateway/https.pem"))
    #expect(try IssuedCertificate.isFor(name, pem: certificate) == isHeld)
  }

  @Test func `another host gets another certificate, and nothing else changes`() throws {
    let scratch = try Scratch(host: nil)
    _ = try scratch.setUp()
    let moved = DeploymentVolumes(path: scratch.volumes.path, host: "licensing.example.com")
    #expect(try DeploymentCertificates.prepare(moved) == ["https"])
    #expect(try DeploymentCertificates.prepare(moved) == [])
  }

  /// It has a certificate of the services' authority, so that services know it; none may take it for another.
  @Test func `the database server cannot pass for a client`() throws {
    let scratch = try Scratch()
    let postgres = scratch.volumes.wantedCertificates.filter { $0.name == "postgres" }
    #expect(postgres.map(\.usage) == [.server])
    #expect(postgres.map(\.names) == [[.dns("postgres")]])
  }
}
