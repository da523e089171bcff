import COpenSSL
import Cryptography
import Faults
import TLS
import Testing

/// Which settings are refused and in which words, and what a reload changes.
@Suite struct ContextTests {
  let contexts: TestContexts

  init() throws {
    contexts = try TestContexts()
  }

  private func refusal(_ identity: TLSIdentity) -> Fault? {
    fault { _ = try contexts.server(identity) }
  }

  /// A good private key that belongs to no certificate.
  private func keyPEM() throws -> SecretBytes { try TestKey(.p256).secretPEM() }

  @Test func `a key of another certificate is refused`() throws {
    let identity = TLSIdentity(
      certificateChain: contexts.serverIdentity.certificateChain,
      privateKey: try keyPEM()
    )
    let refused = refusal(identity)
    #expect(refused?.code == .failedPrecondition)
    #expect(refused?.message == "The private key does not belong to the certificate")
  }

  @Test func `an expired certificate is refused with its date`() throws {
    let refused = refusal(try contexts.authority.issue("DNS:server.test", from: -7_200, until: -60))
    #expect(refused?.code == .failedPrecondition)
    #expect(
      refused?.message.hasPrefix("The certificate has expired (it was valid until 20") == true
    )
  }

  @Test func `a certificate of the future is refused with its date`() throws {
    let refused = refusal(try contexts.authority.issue("DNS:server.test", from: 600, until: 7_200))
    #expect(refused?.message.hasPrefix("The certificate is not valid yet (it is from 20") == true)
  }

  @Test func `a weak key is refused`() throws {
    let refused = refusal(try contexts.authority.issue("DNS:server.test", key: .rsa(bits: 1_024)))
    #expect(refused?.message == "The certificate or its key is too weak to be used")
  }

  @Test(arguments: [
    "", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  ])
  func `a malformed certificate is refused`(text: String) throws {
    let refused = refusal(
      TLSIdentity(certificateChain: Array(text.utf8), privateKey: try keyPEM())
    )
    #expect(refused?.code == .failedPrecondition)
    #expect(refused?.message == "The certificate file is not a list of certificates in PEM")
    #expect(ERR_peek_error() == 0)
  }

  @Test func `a chain with a broken second certificate is refused`() throws {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    let refused = refusal(
      TLSIdentity(
        certificateChain: contexts.serverIdentity.certificateChain + Array(broken.utf8),
        privateKey: try keyPEM()
      )
    )
    #expect(refused?.message == "The certificate file is not a list of certificates in PEM")
  }

  @Test func `too many certificates are refused`() throws {
    let pem = (0...64).flatMap { _ in contexts.authority.pem }
    let refused = fault { _ = try contexts.client(trusting: pem) }
    #expect(refused?.message == "The authority file has more than 64 certificates")
  }

  @Test func `an encrypted key is refused without a question on the terminal`() throws {
    let key = try TestKey(.p256).secretPEM(passphrase: "open sesame")
    let refused = refusal(
      TLSIdentity(
        certificateChain: contexts.serverIdentity.certificateChain,
        privateKey: key
      )
    )
    #expect(refused?.message == "The private key is not an unencrypted key in PEM")
  }

  @Test func `no text shows a private key`() throws {
    let pair = try TestKey(.p256)
    let key = try pair.pem()
    let secret = String(decoding: key, as: UTF8.self).split(separator: "\n")[1]
    // The key in the place of the certificates: the most tempting input to quote in an error.
    let identity = TLSIdentity(certificateChain: key, privateKey: try pair.secretPEM())
    var dumped = ""
    dump(identity, to: &dumped)
    let refused = try #require(refusal(identity))
    for text in ["\(identity)", String(reflecting: identity), dumped, refused.debugDescription] {
      #expect(!text.contains(secret))
    }
  }

  @Test func `authorities that do not parse are refused`() throws {
    let refused = fault { _ = try contexts.client(trusting: Array("nothing".utf8)) }
    #expect(refused?.message == "The authority file is not a list of certificates in PEM")
  }

  @Test(arguments: ["", String(repeating: "x", count: 256)])
  func `an ALPN name of a wrong length is refused`(name: String) throws {
    let refused = fault { _ = try contexts.server(protocols: [name]) }
    #expect(refused?.code == .invalidArgument)
  }

  @Test func `new sessions use the reloaded certificate, older ones go on`() throws {
    let server = try contexts.server()
    let client = try contexts.client()
    let older = try Wire(client, server)
    older.settle()

    let renewed = try contexts.authority.issue("DNS:server.test,DNS:renewed.test")
    try server.reload(contexts.serverConfiguration(renewed))
    let newer = try Wire(client, server, name: "renewed.test")
    newer.settle()
    #expect(newer.client.isEstablished)

    try older.sendFromClient([1, 2, 3])
    try older.sendFromServer([4, 5, 6])
    #expect(older.serverReceived == [1, 2, 3])
    #expect(older.clientReceived == [4, 5, 6])
  }

  @Test func `a handshake under way goes on with the certificate it began with`() throws {
    let server = try contexts.server()
    let wire = try Wire(contexts.client(), server)
    try server.reload(
      contexts.serverConfiguration(contexts.authority.issue("DNS:renewed.test"), protocols: [])
    )
    wire.settle()
    #expect(wire.client.isEstablished)
    #expect(wire.client.applicationProtocol == "h2")
  }

  @Test func `a refused reload leaves the configuration in use`() throws {
    let server = try contexts.server()
    let broken = TLSIdentity(
      certificateChain: contexts.serverIdentity.certificateChain,
      privateKey: try keyPEM()
    )
    let refused = fault { try server.reload(contexts.serverConfiguration(broken)) }
    #expect(refused?.code == .failedPrecondition)
    let wire = try Wire(contexts.client(), server)
    wire.settle()
    #expect(wire.client.isEstablished)
  }

  @Test func `a session outlives its context`() throws {
    let wire = try Wire(contexts.client(), contexts.server())
    // Both contexts are held by the sessions alone from here on.
    wire.settle()
    try wire.sendFromClient([9])
    #expect(wire.serverReceived == [9])
  }
}
