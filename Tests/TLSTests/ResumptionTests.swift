import COpenSSL
import Testing

@testable import TLS

/// When an earlier session is resumed, and when it must not be.
@Suite struct ResumptionTests {
  let contexts: TestContexts

  init() throws {
    contexts = try TestContexts()
  }

  /// Connects, exchanges a byte each way (tickets come with the first read), and returns the wire.
  private func connect(
    _ client: TLSContext,
    _ server: TLSContext,
    name: String = "server.test"
  ) throws -> Wire {
    let wire = try Wire(client, server, name: name)
    wire.settle()
    try wire.sendFromClient([1])
    try wire.sendFromServer([2])
    #expect(wire.serverReceived == [1])
    #expect(wire.clientReceived == [2])
    return wire
  }

  @Test func `the second session to a server is a resumed one`() throws {
    let client = try contexts.client()
    let server = try contexts.server()
    #expect(try !connect(client, server).server.isResumed)
    let second = try connect(client, server)
    #expect(second.server.isResumed)
    #expect(second.client.isResumed)
    #expect(second.client.peerIdentity == "server.test")
    #expect(second.client.applicationProtocol == "h2")
    #expect(try connect(client, server).server.isResumed)
  }

  @Test func `a resumed client is still known by its certificate`() throws {
    let client = try contexts.client(contexts.authority.issue("DNS:gateway"))
    let server = try contexts.server(clients: contexts.authority.pem)
    #expect(try connect(client, server).server.peerIdentity == "gateway")
    let second = try connect(client, server)
    #expect(second.server.isResumed)
    #expect(second.server.peerIdentity == "gateway")
  }

  @Test func `a session is resumed under the same server name only`() throws {
    let client = try contexts.client()
    let server = try contexts.server()
    _ = try connect(client, server)
    #expect(try !connect(client, server, name: "a.wild.test").server.isResumed)
  }

  @Test func `a reload of the server ends resumption`() throws {
    let client = try contexts.client()
    let server = try contexts.server()
    _ = try connect(client, server)
    try server.reload(contexts.serverConfiguration())
    #expect(try !connect(client, server).server.isResumed)
    #expect(try connect(client, server).server.isResumed)
  }

  @Test func `a ticket for another server is worthless`() throws {
    let client = try contexts.client()
    _ = try connect(client, contexts.server())
    #expect(try !connect(client, contexts.server()).server.isResumed)
  }

  @Test func `ticket keys are replaced when they are old`() throws {
    let client = try contexts.client()
    let server = try contexts.server()
    _ = try connect(client, server)
    server.settings.renewTicketKeys(at: .now)
    #expect(try connect(client, server).server.isResumed)
    server.settings.renewTicketKeys(at: .now + ContextSettings.ticketKeysLifetime)
    #expect(try !connect(client, server).server.isResumed)
    #expect(try connect(client, server).server.isResumed)
  }

  @Test func `a client keeps sessions for a limited number of names`() throws {
    let client = try contexts.client()
    let server = try contexts.server()
    for index in 0...SessionCache.nameCountMax {
      _ = try connect(client, server, name: "n\(index).wild.test")
    }
    #expect(try !connect(client, server, name: "n0.wild.test").server.isResumed)
    let last = "n\(SessionCache.nameCountMax).wild.test"
    #expect(try connect(client, server, name: last).server.isResumed)
  }

  @Test func `TLS 1.2 sessions are resumed by ticket`() throws {
    let server = try contexts.server()
    let first = try RawClient(to: TLS1_2_VERSION)
    try #require(first.settle(with: TLSSession(server)) == nil)
    let session = try #require(SSL_get1_session(first.ssl))
    defer { SSL_SESSION_free(session) }
    let second = try RawClient(to: TLS1_2_VERSION)
    try #require(SSL_set_session(second.ssl, session) == 1)
    let resumed = try TLSSession(server)
    try #require(second.settle(with: resumed) == nil)
    #expect(resumed.isResumed)
  }
}
