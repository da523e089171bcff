import COpenSSL
import Faults
import TLS
import Testing

/// Who is turned away, by whose alert, and in which words.
@Suite struct RefusalTests {
  let contexts: TestContexts

  init() throws {
    contexts = try TestContexts()
  }

  /// Alert descriptions (RFC 8446, section 6) after the level "fatal".
  private func fatal(_ description: Int32) -> [UInt8] { [2, UInt8(description)] }

  // MARK: The server's certificate

  @Test(arguments: [
    "other.test", "a.b.wild.test", "wild.test", "common-name.test", "127.0.0.2", "server.test.x",
  ])
  func `a server under another name is refused`(name: String) throws {
    let wire = try Wire(contexts.client(), contexts.server(), name: name)
    wire.settle()
    #expect(wire.clientFault?.code == .unauthenticated)
    #expect(!wire.client.isEstablished)
    #expect(wire.serverFault?.code == .unauthenticated)
  }

  @Test(arguments: [nil, "", "two words", "a\0b", String(repeating: "a", count: 254), "gr\u{FC}n"])
  func `a client needs a usable server name`(name: String?) throws {
    let context = try contexts.client()
    let refused = fault { _ = try TLSSession(context, serverName: name) }
    #expect(refused?.code == .invalidArgument)
  }

  @Test func `a server of a foreign authority is refused`() throws {
    let wire = try Wire(contexts.client(trusting: TestAuthority().pem), contexts.server())
    wire.settle()
    #expect(wire.clientFault?.code == .unauthenticated)
    #expect(wire.clientFault?.message.contains("certificate was refused") == true)
    #expect(wire.serverFault?.message == "The peer refused our certificate: unknown CA")
  }

  @Test func `a server whose certificate is for clients only is refused`() throws {
    let identity = try contexts.authority.issue("DNS:server.test", usage: "clientAuth")
    let wire = try Wire(contexts.client(), contexts.server(identity))
    wire.settle()
    #expect(wire.clientFault?.code == .unauthenticated)
  }

  // MARK: The client's certificate

  @Test func `a client without a certificate is refused where one is needed`() throws {
    let wire = try Wire(contexts.client(), contexts.server(clients: contexts.authority.pem))
    wire.settle()
    #expect(wire.serverFault?.code == .unauthenticated)
    #expect(wire.serverFault?.message == "The peer presented no certificate")
    #expect(!wire.server.isEstablished)
    #expect(wire.clientFault?.code == .unauthenticated)
  }

  @Test func `a client of a foreign authority is refused`() throws {
    let foreign = try TestAuthority().issue("DNS:gateway")
    let wire = try Wire(contexts.client(foreign), contexts.server(clients: contexts.authority.pem))
    wire.settle()
    #expect(wire.serverFault?.code == .unauthenticated)
    #expect(wire.server.peerIdentity == nil)
    #expect(!wire.server.isEstablished)
  }

  @Test func `a client whose certificate is for servers only is refused`() throws {
    let identity = try contexts.authority.issue("DNS:gateway", usage: "serverAuth")
    let wire = try Wire(contexts.client(identity), contexts.server(clients: contexts.authority.pem))
    wire.settle()
    #expect(wire.serverFault?.code == .unauthenticated)
  }

  // MARK: What is offered

  @Test(arguments: [TLS1_VERSION, TLS1_1_VERSION])
  func `a client of an old version is refused by the alert protocol_version`(version: Int32) throws
  {
    let client = try RawClient(to: version)
    let server = try TLSSession(contexts.server())
    let refused = client.settle(with: server) as? Fault
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.message == "The peer speaks no TLS newer than 1.1")
    #expect(finalAlert(client.receivedCiphertext) == fatal(SSL_AD_PROTOCOL_VERSION))
  }

  @Test(arguments: [
    "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "aNULL", "eNULL",
    "DHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM8",
  ])
  func `a suite without AEAD or forward secrecy is refused`(suite: String) throws {
    let client = try RawClient(to: TLS1_2_VERSION, suites: suite + ":@SECLEVEL=0")
    let server = try TLSSession(contexts.server())
    let refused = client.settle(with: server) as? Fault
    #expect(refused?.message == "The peer offers no cipher suite we allow")
    #expect(finalAlert(client.receivedCiphertext) == fatal(SSL_AD_HANDSHAKE_FAILURE))
  }

  @Test func `no common application protocol is refused by the alert of that name`() throws {
    let wire = try Wire(contexts.client(protocols: ["spdy/1", "h3"]), contexts.server())
    wire.settle()
    #expect(wire.serverFault?.code == .invalidArgument)
    #expect(wire.serverFault?.message == "The peer offers no application protocol we speak")
    #expect(
      wire.clientFault?.message == "The peer ended the TLS session: no application protocol"
    )
  }

  @Test func `renegotiation is refused and the session goes on`() throws {
    let client = try RawClient(to: TLS1_2_VERSION)
    let server = try TLSSession(contexts.server())
    var received: [UInt8] = []
    try #require(client.settle(with: server) == nil)
    try #require(SSL_renegotiate(client.ssl) == 1)
    let already = client.receivedCiphertext.count
    let hello = client.step()
    #expect(hello.first == UInt8(SSL3_RT_HANDSHAKE))
    try hello.withUnsafeBytes { bytes in try server.receive(bytes) { received += $0 } }
    var answer: [UInt8] = []
    server.takeOutput(appendingTo: &answer)
    // One encrypted alert (no_renegotiation, a warning), and no ServerHello.
    #expect(answer.starts(with: [UInt8(SSL3_RT_ALERT), 3, 3, 0]))
    #expect(answer.count == 5 + Int(answer[4]))
    #expect(client.receivedCiphertext.count == already)
    #expect(received.isEmpty)
    let late = try [UInt8]([1]).withUnsafeBytes { bytes in
      var output: [UInt8] = []
      try server.write(bytes, appendingTo: &output)
      return output
    }
    #expect(late.first == UInt8(SSL3_RT_APPLICATION_DATA))
  }

  // MARK: No TLS at all

  @Test(arguments: ["GET / HTTP/1.1\r\n\r\n", "POST /api/v1/licenses HTTP/1.1\r\n", "CONNECT x:1 "])
  func `plain HTTP gets no answer`(request: String) throws {
    let server = try TLSSession(contexts.server())
    let refused = Array(request.utf8).withUnsafeBytes { bytes in
      fault { try server.receive(bytes) { _ in Issue.record("delivered") } }
    }
    #expect(refused?.code == .invalidArgument)
    #expect(refused?.message == "The peer speaks plain HTTP where TLS is needed")
    var output: [UInt8] = []
    server.takeOutput(appendingTo: &output)
    #expect(!output.starts(with: Array("HTTP".utf8)))
    #expect(output.count <= 7)
  }

  @Test(arguments: 0..<64)
  func `garbage is refused`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let bytes = (0..<512).map { _ in UInt8.random(in: 0...255, using: &random) }
    let server = try TLSSession(contexts.server())
    let refused = bytes.withUnsafeBytes { bytes in
      fault { try server.receive(bytes) { _ in Issue.record("delivered") } }
    }
    #expect(refused != nil, "seed \(seed)")
    #expect(ERR_peek_error() == 0)
    #expect(!server.isEstablished)
  }

  @Test(arguments: 0..<64)
  func `a damaged handshake is never established, whichever bit is wrong`(seed: UInt64) throws {
    var random = SeededRandom(seed: seed)
    let wire = try Wire(contexts.client(), contexts.server())
    var hello: [UInt8] = []
    wire.client.takeOutput(appendingTo: &hello)
    let index = Int.random(in: hello.indices, using: &random)
    hello[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
    wire.feedServer(hello)
    wire.settle()
    // The transcript is signed, so whatever was changed shows at the latest in the Finished message.
    #expect(!wire.server.isEstablished, "seed \(seed)")
    #expect(ERR_peek_error() == 0)
  }

  @Test func `a failed session stays failed and keeps its alert`() throws {
    let server = try TLSSession(contexts.server())
    let garbage: [UInt8] = [22, 3, 1, 0, 4, 1, 2, 3, 4, 5]
    garbage.withUnsafeBytes { bytes in
      let first = fault { try server.receive(bytes) { _ in } }
      let second = fault { try server.receive(bytes) { _ in } }
      #expect(first != nil)
      #expect(first?.message == second?.message)
    }
    var output: [UInt8] = []
    server.takeOutput(appendingTo: &output)
    #expect(finalAlert(output) != nil)
    #expect(!server.hasOutput)
  }
}

/// A reproducible source of random numbers (SplitMix64), so that a failing seed can be run again.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
