public import EventLoop
public import Faults

/// Finds the addresses of hosts, and vets every one of them.
///
/// Names are resolved here and nowhere else: libcurl is told the addresses, and each socket it opens is compared with
/// them. A name that resolves to a good and to a bad address is refused as a whole, since whoever makes such a name
/// means the bad one. Answers are kept for a short time, so that a burst of deliveries is one look-up. One look-up a
/// name is under way at a time, and so many in all; while a name server hangs, the last good answer serves on.
@EventLoop
public final class Destinations {
  /// Asks for the addresses of a name.
  public typealias Resolver = @EventLoop (_ name: String) async -> Result<[SocketAddress], Fault>

  /// How long the addresses of a name are kept.
  static let keptFor = Duration.seconds(30)
  /// How long it is kept that a name has none.
  static let absenceKeptFor = Duration.seconds(5)
  /// How long the last addresses of a name are good while a name server does not say which are now.
  static let goodFor = Duration.seconds(3_600)
  /// How long a name server may take before the last addresses are used in place of its answer.
  static let patience = Duration.seconds(1)
  /// Look-ups under way at a time: one that hangs keeps one of the loop's workers busy, for as long as the system's
  /// resolver waits.
  static let lookUpsMax = 24
  /// How many workers the loop needs, half of which are for look-ups.
  public nonisolated static let workersNeeded = 64
  /// Names that are kept.
  static let namesMax = 10_000
  /// How long a registration waits for an answer.
  static let registrationLimit = Duration.seconds(5)

  /// Which addresses may be called.
  public let policy: AddressPolicy
  private let resolver: Resolver
  private var kept: [Key: Kept] = [:]
  private var lookUps: [Key: LookUp] = [:]
  /// Those that wait for their turn, in order.
  private var queue: [Key] = []
  private var askedCount = 0

  private struct Key: Hashable {
    let name: String
    let scheme: WebhookURL.Scheme
  }

  private struct Kept {
    let destination: Destination
    let until: Instant
  }

  /// A look-up, and who waits for it.
  @EventLoop
  private final class LookUp {
    /// Those who wait, with the answer that they take when none comes soon.
    var waiting: [(last: Destination?, found: @EventLoop (Destination) -> Void)] = []
    /// When the question was asked; nil while it waits for its turn.
    var askedAt: Instant?
    /// Runs until the last good answers are used.
    var patience: LoopTimer?
    /// Whether the answer lets wait for itself.
    var isSlow: Bool { patience?.isActive == false }
  }

  /// Makes one.
  ///
  /// - Parameters:
  ///   - policy: Which addresses may be called.
  ///   - resolver: The system's unless given; tests give one that changes its mind.
  public init(policy: AddressPolicy, resolver: @escaping Resolver = Destinations.system) {
    self.policy = policy
    self.resolver = resolver
  }

  /// Asks the system.
  public static let system: Resolver = { name in
    do throws(Fault) {
      return .success(try await EventLoop.resolve(host: name, port: 0))
    } catch {
      return .failure(error)
    }
  }

  /// Vets the host of an endpoint that is being registered, by a look-up of its own.
  ///
  /// - Throws: ``WebhookURL/Refusal`` when it has no address, or one that must not be called.
  public func vet(_ url: WebhookURL) async throws(WebhookURL.Refusal) {
    switch await lookUpForRegistration(url) {
    case .addresses: return
    case .refused(let refusal): throw WebhookURL.Refusal(refusal)
    case .unresolvable:
      throw WebhookURL.Refusal(
        .unresolvable,
        "The host name cannot be resolved; it must be one that can be reached from the internet"
      )
    }
  }

  private func lookUpForRegistration(_ url: WebhookURL) async -> Destination {
    await withCheckedContinuation { continuation in
      var waiting: CheckedContinuation<Destination, Never>? = continuation
      func end(_ destination: Destination) {
        waiting?.resume(returning: destination)
        waiting = nil
      }
      let limit = LoopTimer(after: Destinations.registrationLimit) { end(.unresolvable) }
      find(url, isFresh: true) { destination in
        limit.cancel()
        end(destination)
      }
    }
  }

  /// Finds and vets the addresses of a URL's host; `found` is called at once when they are known, else later.
  func find(_ url: WebhookURL, _ found: @escaping @EventLoop (Destination) -> Void) {
    find(url, isFresh: false, found)
  }

  /// The same, by an answer that is given now when it must be fresh.
  private func find(
    _ url: WebhookURL,
    isFresh: Bool,
    _ found: @escaping @EventLoop (Destination) -> Void
  ) {
    let name: String
    switch url.host {
    case .address(let address):
      found(vetted([address], over: url.scheme))
      return
    case .name(let text):
      name = text
    }
    let key = Key(name: name, scheme: url.scheme)
    var last: Destination?
    if !isFresh, let kept = kept[key] {
      let now = Instant.now
      if now < kept.until {
        found(kept.destination)
        return
      }
      if case .addresses = kept.destination, now < kept.until + Destinations.goodFor {
        last = kept.destination
      }
    }
    let lookUp = lookUps[key] ?? begin(key)
    if let last, lookUp.isSlow {
      found(last)
    } else {
      lookUp.waiting.append((last, found))
    }
  }

  /// Whether the name servers of a URL's host have had so much time to answer: a look-up that had to wait for others
  /// says nothing about the host.
  func wasAsked(for url: WebhookURL, during time: Duration) -> Bool {
    guard case .name(let name) = url.host,
      let lookUp = lookUps[Key(name: name, scheme: url.scheme)]
    else { return true }
    guard let askedAt = lookUp.askedAt else { return false }
    return Instant.now - askedAt >= time
  }

  private func begin(_ key: Key) -> LookUp {
    let lookUp = LookUp()
    lookUp.patience = LoopTimer(after: Destinations.patience) { [self] in useLast(of: key) }
    lookUps[key] = lookUp
    queue.append(key)
    beginNext()
    return lookUp
  }

  private func beginNext() {
    while askedCount < Destinations.lookUpsMax, !queue.isEmpty {
      let key = queue.removeFirst()
      askedCount += 1
      lookUps[key]?.askedAt = Instant.now
      EventLoop.spawn { [self] in
        let answer = await resolver(key.name)
        askedCount -= 1
        keep(destination(of: answer, over: key.scheme), for: key)
        beginNext()
      }
    }
  }

  /// Lets those go on who know an answer that was good lately.
  private func useLast(of key: Key) {
    guard let lookUp = lookUps[key] else { return }
    let waiting = lookUp.waiting
    lookUp.waiting = waiting.filter { $0.last == nil }
    for (last, found) in waiting {
      if let last { found(last) }
    }
  }

  private func destination(
    of answer: Result<[SocketAddress], Fault>,
    over scheme: WebhookURL.Scheme
  ) -> Destination {
    guard case .success(let sockets) = answer else { return .unresolvable }
    let addresses = sockets.compactMap { $0.withIPBytes { IPAddress(bytes: $0) } }
    return addresses.isEmpty ? .unresolvable : vetted(addresses, over: scheme)
  }

  private func vetted(_ addresses: [IPAddress], over scheme: WebhookURL.Scheme) -> Destination {
    for address in addresses {
      if let refusal = policy.refusal(of: address, over: scheme) { return .refused(refusal) }
    }
    return .addresses(addresses)
  }

  private func keep(_ destination: Destination, for key: Key) {
    let now = Instant.now
    if kept.count >= Destinations.namesMax {
      kept = kept.filter { $0.value.until > now }
      // All of them fresh: names come faster than they age, and asking again is better than growing.
      if kept.count >= Destinations.namesMax { kept = [:] }
    }
    let time =
      if case .addresses = destination { Destinations.keptFor } else { Destinations.absenceKeptFor }
    kept[key] = Kept(destination: destination, until: now + time)
    guard let lookUp = lookUps.removeValue(forKey: key) else { return }
    lookUp.patience?.cancel()
    for (_, found) in lookUp.waiting { found(destination) }
  }
}

/// What a host stands for.
enum Destination: Hashable, Sendable {
  /// These, all of which may be called.
  case addresses([IPAddress])
  /// At least one that must not be called.
  case refused(AddressRefusal)
  /// No address.
  case unresolvable
}
