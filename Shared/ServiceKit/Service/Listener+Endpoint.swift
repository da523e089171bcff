internal import EventLoop
internal import Faults

extension Listener {
  /// Listens on an endpoint, or takes over the socket that a worker was handed for it.
  static func on(
    _ endpoint: Endpoint,
    inherited: InheritedListeners?
  ) async throws(Fault) -> Listener {
    if let inherited { return try inherited.listener(on: endpoint) }
    return try Listener(try await address(of: endpoint))
  }

  /// Where an endpoint is listened on: the first address that its host resolves to.
  static func address(of endpoint: Endpoint) async throws(Fault) -> SocketAddress {
    let addresses = try await EventLoop.resolve(host: endpoint.host, port: endpoint.port)
    guard let address = addresses.first else {
      throw .unavailable("\(endpoint.host) has no address to listen on")
    }
    return address
  }
}
