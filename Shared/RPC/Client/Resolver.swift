internal import EventLoop
internal import Faults

/// The addresses of a service's hosts, looked up again and again: each host for itself, so that a name whose server is slow
/// holds up no other one.
@EventLoop
final class Resolver {
  /// How often all are looked up, so that new replicas are found.
  private static let interval = Duration.seconds(30)
  /// The pause before those are looked up again that are not known yet.
  private static let retryPause = Duration.seconds(2)

  private struct Host {
    /// A name or an address.
    let name: String
    let port: UInt16
    /// What it resolved to when it last did.
    var addresses: [SocketAddress] = []
    var isBeingLookedUp = false
    /// Whether no look-up of it has ended yet.
    var isNew = true
  }

  private var hosts: [Host]
  private var onOutcome: (@EventLoop (Fault?) -> Void)?
  private var timer: LoopTimer?
  private var retryTimer: LoopTimer?

  /// Prepares for names or addresses with their ports.
  init(_ hosts: [(name: String, port: UInt16)]) {
    self.hosts = hosts.map { Host(name: $0.name, port: $0.port) }
  }

  /// What all of them last resolved to.
  var addresses: Set<SocketAddress> { Set(hosts.flatMap(\.addresses)) }

  /// Whether the first look-up of one of them has not ended yet.
  var isStarting: Bool { hosts.contains(where: \.isNew) }

  /// Looks them up from now on.
  ///
  /// - Parameter onOutcome: Told whenever a look-up has ended, with what is wrong where it has failed.
  func start(_ onOutcome: @escaping @EventLoop (_ fault: Fault?) -> Void) {
    self.onOutcome = onOutcome
    lookUp { _ in true }
    timer = LoopTimer(every: Resolver.interval) { [weak self] in self?.lookUp { _ in true } }
  }

  /// Looks up nothing more.
  func stop() {
    onOutcome = nil
    timer?.cancel()
    retryTimer?.cancel()
  }

  private func lookUp(where isWanted: (Host) -> Bool) {
    for (index, host) in hosts.enumerated() where !host.isBeingLookedUp && isWanted(host) {
      resolve(host, at: index)
    }
  }

  private func resolve(_ host: Host, at index: Int) {
    hosts[index].isBeingLookedUp = true
    EventLoop.spawn { [self] in
      var fault: Fault?
      do throws(Fault) {
        let addresses = try await EventLoop.resolve(host: host.name, port: host.port)
        hosts[index].addresses = addresses
      } catch {
        fault = error
      }
      hosts[index].isBeingLookedUp = false
      hosts[index].isNew = false
      onOutcome?(fault)
      retryUnknown()
    }
  }

  /// Has what is not known yet looked up soon: it is on its way up.
  private func retryUnknown() {
    guard onOutcome != nil, retryTimer?.isActive != true,
      hosts.contains(where: { $0.addresses.isEmpty && !$0.isBeingLookedUp })
    else { return }
    retryTimer = LoopTimer(after: Resolver.retryPause) { [weak self] in
      self?.lookUp { $0.addresses.isEmpty }
    }
  }
}
