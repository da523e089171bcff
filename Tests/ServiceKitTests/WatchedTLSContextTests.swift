import Cryptography
import EventLoop
import Faults
import Foundation
import Logging
import TLS
import Testing

@testable import ServiceKit

@Suite struct WatchedTLSContextTests {
  /// Files of one identity in a folder of its own, removed with it.
  private final class Files {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("latchkey-test-\(UUID().uuidString)")
    let authority: CertificateAuthority

    init() throws {
      authority = try CertificateAuthority.make(commonName: "Test")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try Data(authority.certificatePEM).write(to: folder.appendingPathComponent("ca.pem"))
      try issue("first")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    var tls: TLSFiles {
      TLSFiles(
        certificate: path("own.pem"),
        key: path("own.key"),
        authorities: path("ca.pem")
      )
    }

    func issue(_ name: String) throws {
      let issued = try authority.issue(
        commonName: name,
        names: [.dns(name)],
        usage: [.server, .client]
      )
      try Data(issued.privateKeyPEM.copy()).write(to: folder.appendingPathComponent("own.key"))
      try Data(issued.chainPEM).write(to: folder.appendingPathComponent("own.pem"))
    }
  }

  private let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  /// The name that a server with this context shows; nil when the handshake fails.
  @EventLoop
  private func shownName(
    _ server: TLSContext,
    to client: TLSContext,
    expecting name: String
  ) -> String? {
    do {
      let client = try TLSSession(client, serverName: name)
      let server = try TLSSession(server)
      for _ in 0..<8 where !(client.isEstablished && server.isEstablished) {
        for (from, to) in [(client, server), (server, client)] {
          var bytes: [UInt8] = []
          from.takeOutput(appendingTo: &bytes)
          guard !bytes.isEmpty else { continue }
          try bytes.withUnsafeBytes { try to.receive($0) { _ in } }
        }
      }
      return client.isEstablished ? client.peerIdentity : nil
    } catch {
      return nil
    }
  }

  @Test @EventLoop func `changed files are used by new sessions, and bad ones are not`()
    async throws
  {
    let files = try Files()
    let server = try WatchedTLSContext(
      files.tls,
      use: .server,
      applicationProtocols: [],
      log: log,
      pollInterval: .milliseconds(10)
    )
    defer { server.stop() }
    let client = try TLSContext(files.tls.configuration(.client, applicationProtocols: []))
    #expect(shownName(server.context, to: client, expecting: "first") == "first")

    try Data("not a certificate".utf8).write(to: URL(fileURLWithPath: files.path("own.pem")))
    await EventLoop.sleep(for: .milliseconds(60))
    #expect(shownName(server.context, to: client, expecting: "first") == "first")

    try files.issue("second")
    var name: String?
    for _ in 0..<200 where name != "second" {
      await EventLoop.sleep(for: .milliseconds(10))
      name = shownName(server.context, to: client, expecting: "second")
    }
    #expect(name == "second")
  }

  @Test @EventLoop func `a missing file stops the start with its name`() throws {
    let files = try Files()
    let gone = TLSFiles(
      certificate: files.path("gone.pem"),
      key: files.path("own.key"),
      authorities: nil
    )
    let fault = try #require(throws: Fault.self) {
      try WatchedTLSContext(gone, use: .server, applicationProtocols: [], log: log)
    }
    #expect(fault.message.contains("gone.pem"))
  }
}
