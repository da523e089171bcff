import COpenSSL
import Faults
import TLS
import Testing

/// What a complete handshake gives to both sides.
@Suite struct HandshakeTests {
  let contexts: TestContexts

  init() throws {
    contexts = try TestContexts()
  }

  @Test(arguments: [Int.max, 1, 2, 7])
  func `client and server agree, whatever the size of the pieces`(pieceSize: Int) throws {
    let wire = try Wire(contexts.client(), contexts.server())
    wire.pieceSize = pieceSize
    wire.settle()
    #expect(wire.clientFault == nil)
    #expect(wire.serverFault == nil)
    #expect(wire.client.isEstablished)
    #expect(wire.server.isEstablished)
    #expect(wire.client.applicationProtocol == "h2")
    #expect(wire.server.applicationProtocol == "h2")
    #expect(wire.client.peerIdentity == "server.test")
    #expect(wire.server.peerIdentity == nil)
    #expect(wire.server.protocolVersion == "TLSv1.3")
    #expect(wire.server.cipherSuite == "TLS_AES_128_GCM_SHA256")
    try wire.sendFromClient(Array("question".utf8))
    try wire.sendFromServer(Array("answer".utf8))
    #expect(wire.serverReceived == Array("question".utf8))
    #expect(wire.clientReceived == Array("answer".utf8))
  }

  @Test func `nothing is established before the peer has proved itself`() throws {
    let wire = try Wire(contexts.client(), contexts.server())
    #expect(wire.client.hasOutput)
    #expect(!wire.client.isEstablished)
    #expect(!wire.server.isEstablished)
    #expect(wire.client.peerIdentity == nil)
    let early = fault { _ = try wire.encrypt(wire.client, [1]) }
    #expect(early?.code == .failedPrecondition)
  }

  @Test func `a client with a certificate is known by its first DNS name, in lower case`() throws {
    let identity = try contexts.authority.issue("IP:10.0.0.1,DNS:Gateway,DNS:other")
    let wire = try Wire(contexts.client(identity), contexts.server(clients: contexts.authority.pem))
    wire.settle()
    #expect(wire.server.peerIdentity == "gateway")
    try wire.sendFromClient([1])
    #expect(wire.serverReceived == [1])
  }

  @Test func `the common name is no identity`() throws {
    let identity = try contexts.authority.issue(nil)
    let wire = try Wire(contexts.client(identity), contexts.server(clients: contexts.authority.pem))
    wire.settle()
    #expect(wire.server.isEstablished)
    #expect(wire.server.peerIdentity == nil)
  }

  @Test(arguments: ["server.test", "SERVER.test", "a.wild.test", "127.0.0.1", "::1"])
  func `a server is accepted under each of its names`(name: String) throws {
    let wire = try Wire(contexts.client(), contexts.server(), name: name)
    wire.settle()
    #expect(wire.client.isEstablished, "\(String(describing: wire.clientFault))")
  }

  @Test(arguments: [
    (["http/1.1", "h2"], "h2"), (["http/1.1"], "http/1.1"), (["spdy/1", "h2"], "h2"),
  ])
  func `the server's order decides the application protocol`(offer: [String], chosen: String) throws
  {
    let wire = try Wire(contexts.client(protocols: offer), contexts.server())
    wire.settle()
    #expect(wire.client.applicationProtocol == chosen)
    #expect(wire.server.applicationProtocol == chosen)
  }

  @Test func `a client that offers no application protocol gets none`() throws {
    let wire = try Wire(contexts.client(protocols: []), contexts.server())
    wire.settle()
    #expect(wire.server.isEstablished)
    #expect(wire.server.applicationProtocol == nil)
  }

  @Test func `an RSA certificate serves as well`() throws {
    let identity = try contexts.authority.issue("DNS:server.test", key: .rsa(bits: 2_048))
    let wire = try Wire(contexts.client(), contexts.server(identity))
    wire.settle()
    #expect(wire.client.isEstablished)
  }

  @Test(arguments: [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
  ])
  func `TLS 1.2 is spoken with AEAD suites`(suite: String) throws {
    let client = try RawClient(to: TLS1_2_VERSION, suites: suite)
    let server = try TLSSession(contexts.server())
    #expect(client.settle(with: server) == nil)
    #expect(server.isEstablished)
    #expect(server.protocolVersion == "TLSv1.2")
  }

  /// Names asked for, and the name of the certificate that is shown.
  @Test(arguments: [
    ("server.test", "server.test"), ("one.test", "one.test"), ("two.test", "two.test"),
    ("ONE.test", "one.test"), ("deep.two.test", "two.test"), ("unknown.test", nil),
    ("deeper.deep.two.test", nil),
  ])
  func `the certificate is that of the name which is asked for`(name: String, shown: String?)
    throws
  {
    let server = try TLSContext(
      .server(
        identity: contexts.serverIdentity,
        namedIdentities: [
          contexts.authority.issue("DNS:one.test"),
          contexts.authority.issue("DNS:two.test,DNS:*.two.test"),
          // The first that has the name is taken.
          contexts.authority.issue("DNS:later.test,DNS:one.test"),
        ],
        applicationProtocols: ["h2"]
      )
    )
    let wire = try Wire(contexts.client(), server, name: name)
    wire.settle()
    #expect(wire.client.isEstablished == (shown != nil))
    #expect(wire.client.peerIdentity == shown)
    guard shown != nil else { return }
    #expect(wire.client.applicationProtocol == "h2")
    try wire.sendFromServer(Array("answer".utf8))
    #expect(wire.clientReceived == Array("answer".utf8))
  }
}
