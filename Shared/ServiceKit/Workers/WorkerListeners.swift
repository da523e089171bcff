internal import EventLoop
internal import Faults

/// The sockets of all workers, which their parent binds and keeps.
///
/// Each worker has one of its own for every endpoint, and the kernel gives each connection to one of them (`SO_REUSEPORT`).
/// A worker that is replaced leaves its sockets to its successor, with the connections that wait there: were they closed
/// and made anew, those would be lost. Only those of a worker that keeps failing are, as its connections would else wait
/// for nobody. The parent itself takes no connection.
@EventLoop
final class WorkerListeners {
  /// A socket, and where whoever is handed it would have listened.
  private struct Handed {
    let endpoint: Endpoint
    let address: SocketAddress
    /// Nil while it is released; never where it shares its address with nobody.
    var listener: Listener?
    let sharesPort: Bool
  }

  /// Where the descriptors of a worker begin that are no standard streams and no lifeline.
  static let firstDescriptor: Int32 = 4
  /// How long the workers of a parent that was killed may still have a port, and how often that is looked at: they close it
  /// as soon as they notice.
  private static let takeOverLimit = Duration.seconds(2)
  private static let takeOverInterval = Duration.milliseconds(20)

  private var sockets: [[Handed]]
  private var metrics: [SocketAddress] = []

  /// Prepares for so many workers.
  init(count: Int) { sockets = Array(repeating: [], count: count) }

  /// Binds one socket a worker for an endpoint that they share.
  ///
  /// - Throws: ``Fault`` `unavailable` when somebody else listens there.
  func bind(_ endpoint: Endpoint) async throws(Fault) {
    guard !sockets[0].contains(where: { $0.endpoint == endpoint }) else {
      throw Fault(.failedPrecondition, "\(endpoint) cannot be listened on for two things")
    }
    var address = try await Listener.address(of: endpoint)
    try await waitUntilFree(address)
    for worker in sockets.indices {
      let listener = try Listener(address, sharesPort: true)
      // Where the system has chosen the port, all have the first one's.
      address = listener.address
      hand(listener, for: endpoint, to: worker, sharesPort: true)
    }
  }

  /// Sees that nobody else has a port: sockets that share one do not keep each other out.
  private func waitUntilFree(_ address: SocketAddress) async throws(Fault) {
    let deadline = Instant.now + Self.takeOverLimit
    while true {
      do throws(Fault) {
        try Listener(address).stop()
        return
      } catch {
        guard Instant.now < deadline, !Task.isCancelled else { throw error }
      }
      await EventLoop.sleep(for: Self.takeOverInterval)
    }
  }

  /// Binds, for what each worker tells of itself, a socket that is its own, in place of the endpoint where its parent tells
  /// of all.
  ///
  /// - Throws: ``Fault`` `unavailable` when there is no port left.
  func bindMetrics(_ endpoint: Endpoint) throws(Fault) {
    guard let loopback = SocketAddress(ip: "127.0.0.1", port: 0) else {
      preconditionFailure("127.0.0.1 is an address")
    }
    for worker in sockets.indices {
      let listener = try Listener(loopback)
      metrics.append(listener.address)
      hand(listener, for: endpoint, to: worker, sharesPort: false)
    }
  }

  private func hand(
    _ listener: Listener,
    for endpoint: Endpoint,
    to worker: Int,
    sharesPort: Bool
  ) {
    sockets[worker].append(
      Handed(
        endpoint: endpoint,
        address: listener.address,
        listener: listener,
        sharesPort: sharesPort
      )
    )
  }

  /// Closes what a worker shares with others, which then get all connections; those that wait there are lost.
  func release(_ worker: Int) {
    for place in sockets[worker].indices where sockets[worker][place].sharesPort {
      sockets[worker][place].listener?.stop()
      sockets[worker][place].listener = nil
    }
  }

  /// Binds anew what was released; without effect on what was not.
  ///
  /// - Throws: ``Fault`` `unavailable` when somebody else listens there by now.
  func restore(_ worker: Int) throws(Fault) {
    for place in sockets[worker].indices where sockets[worker][place].listener == nil {
      let address = sockets[worker][place].address
      sockets[worker][place].listener = try Listener(address, sharesPort: true)
    }
  }

  /// Where each worker tells of itself; empty where none does.
  var metricsAddresses: [SocketAddress] { metrics }

  /// The descriptors of a worker's sockets, which it is to have from ``firstDescriptor`` on; only of those that are not
  /// released.
  func descriptors(of worker: Int) -> [Int32] {
    sockets[worker].compactMap { $0.listener?.descriptor }
  }

  /// What a worker is told of them.
  func told(to worker: Int) -> InheritedListeners {
    var told = InheritedListeners()
    for (place, handed) in sockets[worker].enumerated() {
      told[handed.endpoint] = Self.firstDescriptor + Int32(place)
    }
    return told
  }

  /// Lets them go: the ports are closed as soon as each worker has closed its own ends.
  func close() {
    for handed in sockets.joined() { handed.listener?.stop() }
    sockets = sockets.map { _ in [] }
  }
}
