internal import EventLoop
internal import HTTP

/// A connection to a server, with the trunk on it and what the server says of its health.
@EventLoop
final class Link {
  /// A server that closes a connection before it is so old has not been well.
  private static let provenAfter = Duration.seconds(1)

  let connection: HTTP2ClientConnection
  let address: SocketAddress
  let trunk: ClientTrunk
  let health: HealthWatch
  private let begun = Instant.now

  /// Whether it has stood for long enough to show that its server is there.
  var isProven: Bool { Instant.now - begun >= Link.provenAfter }

  init(_ connection: HTTP2ClientConnection, to address: SocketAddress, healthOf service: String) {
    self.connection = connection
    self.address = address
    trunk = ClientTrunk(connection)
    health = HealthWatch(of: service, on: connection)
  }
}

extension Balancer {
  /// The place of one connection.
  @EventLoop
  final class Slot {
    var link: Link?
    /// Whether the address has not failed since it was last good, or given another chance.
    var isHopeful = true
    private(set) var isRetired = false
    private var pause: (timer: LoopTimer, end: CheckedContinuation<Void, Never>)?

    /// Suspends for a while, or until somebody wants it tried.
    func rest(for duration: Duration) async {
      guard !isRetired else { return }
      await withCheckedContinuation { end in
        pause = (LoopTimer(after: duration) { [self] in endPause() }, end)
      }
    }

    /// Gives the address another chance, at once.
    func tryNow() {
      isHopeful = true
      endPause()
    }

    /// Makes no further connection, and closes the one that stands when its calls are through.
    func retire() {
      isRetired = true
      endPause()
      link?.connection.drain()
    }

    private func endPause() {
      guard let pause else { return }
      self.pause = nil
      pause.timer.cancel()
      pause.end.resume()
    }
  }
}
