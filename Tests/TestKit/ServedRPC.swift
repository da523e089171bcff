internal import Cryptography
public import EventLoop
public import Faults
public import RPC
internal import TLS

/// An RPC server on loopback behind mutual TLS, as in a deployment, with channels to it by identity.
@EventLoop
public final class ServedRPC {
  /// Takes services to serve.
  public let server: RPCServer
  private let name: String
  private let authority: CertificateAuthority
  private let listener: Listener
  private var channels: [String: Channel] = [:]

  private init(_ name: String) throws(Fault) {
    guard let address = SocketAddress(ip: "127.0.0.1", port: 0) else {
      throw .internalError("127.0.0.1 is an address")
    }
    self.name = name
    authority = try CertificateAuthority.make(commonName: "Test authority")
    server = RPCServer(access: .identities(tellsCaller: ["gateway"]))
    listener = try Listener(address)
  }

  /// Runs `body` with a server that has begun to serve, and stops it however that ends.
  ///
  /// - Parameters:
  ///   - name: The server's identity.
  ///   - register: Adds services to the server.
  ///   - body: What to do with it.
  /// - Returns: What `body` returns.
  /// - Throws: What `body` throws; ``Fault`` when the server cannot be set up.
  public static func with<T>(
    _ name: String,
    register: @EventLoop (RPCServer) -> Void,
    body: @EventLoop (ServedRPC) async throws -> T
  ) async throws -> T {
    await TestSlots.shared.take()
    defer { TestSlots.shared.giveBack() }
    let served = try ServedRPC(name)
    register(served.server)
    let tls = try TLSContext(
      .server(
        identity: try served.identity(name),
        clientAuthorities: served.authority.certificatePEM,
        applicationProtocols: ["h2"]
      )
    )
    served.server.health.setServing(true)
    served.server.serve(served.listener, tls: tls)
    do {
      let result = try await body(served)
      await served.stop()
      return result
    } catch {
      await served.stop()
      throw error
    }
  }

  /// A channel to the server of a peer with this identity.
  public func channel(as identity: String) throws(Fault) -> Channel {
    if let channel = channels[identity] { return channel }
    let tls = try TLSContext(
      .client(
        authorities: authority.certificatePEM,
        identity: try self.identity(identity),
        applicationProtocols: ["h2"]
      )
    )
    let channel = Channel(
      host: "127.0.0.1",
      port: listener.address.port,
      tls: tls,
      serverName: name
    )
    channels[identity] = channel
    return channel
  }

  private func identity(_ name: String) throws(Fault) -> TLSIdentity {
    let issued = try authority.issue(
      commonName: name,
      names: [.dns(name)],
      usage: [.server, .client]
    )
    return TLSIdentity(
      certificateChain: issued.chainPEM,
      privateKey: issued.privateKeyPEM
    )
  }

  private func stop() async {
    for channel in channels.values { channel.close() }
    await server.drain(timeout: .milliseconds(100))
  }
}

/// How many servers run at a time: all tests of a process share one loop, on which dozens of handshakes at
/// once would take longer than a channel waits.
@EventLoop
private final class TestSlots {
  static let shared = TestSlots()

  private var free = 4
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func take() async {
    guard free == 0 else {
      free -= 1
      return
    }
    await withCheckedContinuation { waiting.append($0) }
  }

  func giveBack() {
    if waiting.isEmpty {
      free += 1
    } else {
      waiting.removeFirst().resume()
    }
  }
}
