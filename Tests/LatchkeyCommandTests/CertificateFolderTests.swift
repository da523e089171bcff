import Cryptography
import Faults
import Foundation
import Testing

@testable import LatchkeyCommand

@Suite struct CertificateFolderTests {
  /// A place for a folder, removed with the test.
  private final class Scratch {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("latchkey-test-\(UUID().uuidString)").path

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func bytes(_ name: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
    }
  }

  private static let everything = [
    "https-ca", "https", "rpc-ca", "keys", "signing", "licenses", "webhooks", "gateway",
    "operator",
  ]

  @Test func `a new folder gets everything, for its owner alone`() throws {
    let scratch = Scratch()
    let folder = try CertificateFolder.make(scratch.path, hosts: [])
    #expect(try DeploymentCertificates.prepare(folder) == Self.everything)
    let files = try Files.entries(of: scratch.path)
    let expected = Self.everything.flatMap { ["\($0).key", "\($0).pem"] }
    #expect(Set(files) == Set(expected + ["latchkey-certificates"]))
    var status = stat()
    #expect(stat(scratch.path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o700)
    for file in files {
      #expect(stat("\(scratch.path)/\(file)", &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600, "\(file)")
    }
  }

  @Test func `what is renewed is for the names that the folder was made with`() throws {
    let scratch = Scratch()
    let made = try CertificateFolder.make(
      scratch.path,
      hosts: ["licensing.example.com", "192.0.2.7", "2001:db8::7", "localhost"]
    )
    _ = try DeploymentCertificates.prepare(made)
    let before = try scratch.bytes("https.pem")
    let folder = try CertificateFolder.open(scratch.path)
    #expect(try DeploymentCertificates.prepare(folder) == [])
    #expect(
      try DeploymentCertificates.prepare(folder, renewsAll: true)
        == Self.everything.filter { !$0.hasSuffix("-ca") }
    )
    let after = try scratch.bytes("https.pem")
    #expect(after != before)
    let names: [CertificateName] = [
      .dns("licensing.example.com"), .ip("192.0.2.7"), .ip("2001:db8::7"), .dns("localhost"),
    ]
    for name in names { #expect(try IssuedCertificate.isFor(name, pem: after), "\(name)") }
  }

  @Test func `what an interruption has left out is made by the next renewal`() throws {
    let scratch = Scratch()
    _ = try CertificateFolder.make(scratch.path, hosts: [])
    let folder = try CertificateFolder.open(scratch.path)
    #expect(try DeploymentCertificates.prepare(folder) == Self.everything)
  }

  @Test func `a folder with certificates, or with something else, is left as it is`() throws {
    let scratch = Scratch()
    _ = try CertificateFolder.make(scratch.path, hosts: [])
    let fault = try #require(throws: Fault.self) {
      _ = try CertificateFolder.make(scratch.path, hosts: ["other.example.com"])
    }
    #expect(fault.message.contains("has certificates already"))
    #expect(try CertificateFolder.open(scratch.path).names == [])
    let other = Scratch()
    try Files.makeDirectory(other.path)
    #expect(throws: Fault.self) { _ = try CertificateFolder.open(other.path) }
    try Files.write("mine", to: "\(other.path)/keys.pem")
    #expect(throws: Fault.self) { _ = try CertificateFolder.make(other.path, hosts: []) }
    #expect(try Files.entries(of: other.path) == ["keys.pem"])
  }

  @Test(arguments: ["", "a b", "licensing.example.com:8443", "https://example.com", "a\nb", "a,b"])
  func `a name that no certificate can be for makes no folder`(host: String) throws {
    let scratch = Scratch()
    #expect(throws: Fault.self) {
      _ = try CertificateFolder.make(scratch.path, hosts: ["example.com", host])
    }
    #expect(!Files.exists(scratch.path))
  }
}
