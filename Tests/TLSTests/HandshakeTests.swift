import Faults
import TLS
import Testing

/// What a complete handshake gives, and who is turned away in it.
@Suite struct HandshakeTests {
  let authority: TestAuthority
  let serverIdentity: TLSIdentity

  init() throws {
    authority = try TestAuthority()
    serverIdentity = try authority.issue("DNS:server.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1")
  }

  private func server(
    _ identity: TLSIdentity? = nil, clients: [UInt8]? = nil, protocols: [String] = ["h2", "http/1.1"]
  ) throws -> TLSContext {
    try TLSContext(
      .server(
        identity: identity ?? serverIdentity, clientAuthorities: clients,
        applicationProtocols: protocols))
  }

  private func client(
    _ identity: TLSIdentity? = nil, trusting: [UInt8]? = nil, protocols: [String] = ["h2"]
  ) throws -> TLSContext {
    try TLSContext(
      .client(
        authorities: trusting ?? authority.pem, identity: identity, applicationProtocols: protocols))
  }

  @Test(arguments: [Int.max, 1, 2, 7])
  func `client and server agree, whatever the size of the pieces`(pieceSize: Int) throws {
    let wire = try Wire(client(), server())
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

  @Test func `a client with a certificate is known by its DNS name`() throws {
    let wire = try Wire(
      client(authority.issue("IP:10.0.0.1,DNS:Gateway")), server(clients: authority.pem))
    wire.settle()
    #expect(wire.server.peerIdentity == "gateway")
    try wire.sendFromClient([1])
    #expect(wire.serverReceived == [1])
  }
}
