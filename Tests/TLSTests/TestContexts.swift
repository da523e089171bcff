import Faults
import TLS

/// One authority, a server of it, and the contexts most tests begin with.
struct TestContexts {
  let authority: TestAuthority
  let serverIdentity: TLSIdentity

  init() throws {
    authority = try TestAuthority()
    serverIdentity = try authority.issue("DNS:server.test,DNS:*.wild.test,IP:127.0.0.1,IP:::1")
  }

  func server(
    _ identity: TLSIdentity? = nil,
    clients: [UInt8]? = nil,
    protocols: [String] = ["h2", "http/1.1"]
  ) throws -> TLSContext {
    try TLSContext(serverConfiguration(identity, clients: clients, protocols: protocols))
  }

  func serverConfiguration(
    _ identity: TLSIdentity? = nil,
    clients: [UInt8]? = nil,
    protocols: [String] = ["h2", "http/1.1"]
  ) -> TLSConfiguration {
    .server(
      identity: identity ?? serverIdentity,
      clientAuthorities: clients,
      applicationProtocols: protocols
    )
  }

  func client(
    _ identity: TLSIdentity? = nil,
    trusting: [UInt8]? = nil,
    protocols: [String] = ["h2"]
  ) throws -> TLSContext {
    try TLSContext(
      .client(
        authorities: trusting ?? authority.pem,
        identity: identity,
        applicationProtocols: protocols
      )
    )
  }
}

/// The fault that `body` throws, or nil.
func fault(of body: () throws -> Void) -> Fault? {
  do {
    try body()
    return nil
  } catch {
    return error as? Fault
  }
}
