import Cryptography
import Faults
import Foundation
import Primitives
import Testing

@testable import LatchkeyCommand

@Suite struct DeploymentCertificatesTests {
  private static let everything = [
    "https-ca", "https", "rpc-ca", "keys", "signing", "licenses", "webhooks", "gateway",
    "operator",
  ]

  private func bytes(_ scratch: ScratchDeployment, _ name: String) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(scratch.directory.certificates)/\(name)"))
  }

  @Test func `everything is made once and kept`() throws {
    let scratch = try ScratchDeployment()
    #expect(try DeploymentCertificates.prepare(scratch.directory) == Self.everything)
    let certificate = try bytes(scratch, "gateway.pem")
    #expect(try DeploymentCertificates.prepare(scratch.directory) == [])
    #expect(try bytes(scratch, "gateway.pem") == certificate)
    for name in Self.everything {
      var status = stat()
      #expect(stat("\(scratch.directory.certificates)/\(name).key", &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600)
    }
  }

  @Test func `certificates that end soon are made anew, their authority stays`() throws {
    let scratch = try ScratchDeployment()
    _ = try DeploymentCertificates.prepare(scratch.directory)
    let authority = try bytes(scratch, "rpc-ca.pem")
    let later = Timestamp.now() + .seconds(300 * 86_400)
    #expect(
      try DeploymentCertificates.prepare(scratch.directory, now: later)
        == Self.everything.filter { !$0.hasSuffix("-ca") }
    )
    #expect(try bytes(scratch, "rpc-ca.pem") == authority)
  }

  private static let rpcNames = ["keys", "signing", "licenses", "webhooks", "gateway", "operator"]

  @Test(arguments: [(6, []), (8, rpcNames)] as [(days: Int, renewed: [String])])
  func `certificates of services live for two weeks and are renewed after one`(
    days: Int,
    renewed: [String]
  ) throws {
    let scratch = try ScratchDeployment()
    let now = Timestamp.now()
    _ = try DeploymentCertificates.prepare(scratch.directory, now: now)
    for (name, expiry) in try DeploymentCertificates.expiries(scratch.directory)
    where Self.rpcNames.contains(name) {
      #expect(expiry <= now + .seconds(14 * 86_400))
    }
    let later = now + .seconds(Int64(days) * 86_400)
    #expect(try DeploymentCertificates.prepare(scratch.directory, now: later) == renewed)
  }

  @Test func `all certificates are renewed when that is asked for, their authorities stay`() throws
  {
    let scratch = try ScratchDeployment()
    _ = try DeploymentCertificates.prepare(scratch.directory)
    let authority = try bytes(scratch, "rpc-ca.pem")
    #expect(
      try DeploymentCertificates.prepare(scratch.directory, renewsAll: true)
        == Self.everything.filter { !$0.hasSuffix("-ca") }
    )
    #expect(try bytes(scratch, "rpc-ca.pem") == authority)
  }

  @Test func `a lost authority is made anew with all it has issued, and nothing else`() throws {
    let scratch = try ScratchDeployment()
    _ = try DeploymentCertificates.prepare(scratch.directory)
    #expect(unlink("\(scratch.directory.certificates)/rpc-ca.key") == 0)
    #expect(
      try DeploymentCertificates.prepare(scratch.directory)
        == ["rpc-ca", "keys", "signing", "licenses", "webhooks", "gateway", "operator"]
    )
  }

  @Test func `half a pair is made whole`() throws {
    let scratch = try ScratchDeployment()
    _ = try DeploymentCertificates.prepare(scratch.directory)
    #expect(unlink("\(scratch.directory.certificates)/keys.pem") == 0)
    #expect(try DeploymentCertificates.prepare(scratch.directory) == ["keys"])
  }

  @Test func `a key that is not its certificate's is made anew with it`() throws {
    let scratch = try ScratchDeployment()
    _ = try DeploymentCertificates.prepare(scratch.directory)
    let other = try bytes(scratch, "signing.key")
    try other.write(to: URL(fileURLWithPath: "\(scratch.directory.certificates)/keys.key"))
    #expect(try DeploymentCertificates.prepare(scratch.directory) == ["keys"])
    #expect(try DeploymentCertificates.prepare(scratch.directory) == [])
  }

  /// A full disk must not cost a service the certificate that it has.
  @Test func `a pair stays until the new one is whole`() throws {
    let scratch = try ScratchDeployment()
    _ = try DeploymentCertificates.prepare(scratch.directory)
    let before = try [bytes(scratch, "keys.key"), bytes(scratch, "keys.pem")]
    // No file can take the place of a folder.
    let obstacle = "\(scratch.directory.certificates)/keys.pem.next"
    try Files.makeDirectory(obstacle)
    #expect(throws: Fault.self) {
      try DeploymentCertificates.prepare(scratch.directory, renewsAll: true)
    }
    #expect(try [bytes(scratch, "keys.key"), bytes(scratch, "keys.pem")] == before)
    #expect(rmdir(obstacle) == 0)
    #expect(
      try DeploymentCertificates.prepare(scratch.directory, renewsAll: true).contains("keys")
    )
    #expect(try bytes(scratch, "keys.pem") != before[1])
    let left = try Files.entries(of: scratch.directory.certificates)
    #expect(left.filter { $0.hasSuffix(".next") || $0.hasSuffix(".new") } == [])
  }

  /// A service that could pass for another, or users' authority that could make services, would undo
  /// the separation between them.
  @Test func `each certificate has its own name, and users' authority issues no service`() {
    for wanted in DeploymentCertificates.wanted where wanted.authority == .rpc {
      #expect(wanted.names == [.dns(wanted.name)])
    }
    #expect(
      DeploymentCertificates.wanted.filter { $0.authority == .https }.map(\.usage) == [.server]
    )
    #expect(DeploymentCertificates.wanted.last?.usage == .client)
  }

  @Test(arguments: ["master-keys", "signing-master-keys"])
  func `a secret that is missing beside a database stops the start`(name: String) throws {
    let scratch = try ScratchDeployment()
    let path = "\(scratch.directory.secrets)/\(name)"
    #expect(try DeploymentSecrets.prepare(scratch.directory) == "made")
    #expect(try DeploymentSecrets.prepare(scratch.directory) == "kept")
    try Files.makeDirectory(scratch.directory.postgres)
    try Files.write("15\n", to: "\(scratch.directory.postgres)/PG_VERSION")
    #expect(unlink(path) == 0)
    let fault = try #require(throws: Fault.self) {
      _ = try DeploymentSecrets.prepare(scratch.directory)
    }
    #expect(fault.message.contains("\(path) is missing"))
    #expect(!Files.exists(path))
  }

  /// There was no signing service, so there is nothing that its master keys could have sealed.
  @Test func `a deployment from before the signing service gets master keys for it`() throws {
    let scratch = try ScratchDeployment()
    #expect(try DeploymentSecrets.prepare(scratch.directory) == "made")
    try Files.makeDirectory(scratch.directory.postgres)
    try Files.write("15\n", to: "\(scratch.directory.postgres)/PG_VERSION")
    #expect(unlink(scratch.directory.signingMasterKeys) == 0)
    #expect(unlink(scratch.directory.password(of: ServicePlan.signingRole)) == 0)
    #expect(try DeploymentSecrets.prepare(scratch.directory) == "made")
    #expect(Files.exists(scratch.directory.signingMasterKeys))
  }

  /// A deployment of an earlier release has no password for a role that came later.
  @Test func `a password that is set at every start is made anew`() throws {
    let scratch = try ScratchDeployment()
    #expect(try DeploymentSecrets.prepare(scratch.directory) == "made")
    try Files.makeDirectory(scratch.directory.postgres)
    try Files.write("15\n", to: "\(scratch.directory.postgres)/PG_VERSION")
    let password = scratch.directory.password(of: ServicePlan.auditorRole)
    #expect(unlink(password) == 0)
    #expect(try DeploymentSecrets.prepare(scratch.directory) == "made")
    #expect(Files.exists(password))
  }
}
