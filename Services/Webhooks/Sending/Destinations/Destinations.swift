public import EventLoop
public import Faults

/// Finds the addresses of hosts, and vets every one of them.
///
/// Names are resolved here and nowhere else: libcurl is told the addresses, and each socket it opens is compared with
/// them. A name that resolves to a good and to a bad address is refused as a whole, since whoever makes such a name
/// means the bad one. Answers are kept for a short time, so that a burst of deliveries is one look-up; one look-up a
/// name is under way at a time, so that a name server that hangs takes one of the loop's workers and not all.
@EventLoop
public final class Destinations {
  /// Asks for the addresses of a name.
  public typealias Resolver = @EventLoop (_ name: String) async -> Result<[SocketAddress], Fault>

  /// How long the addresses of a name are kept.
  static let keptFor = Duration.seconds(30)
  /// How long it is kept that a name has none.
  static let absenceKeptFor = Duration.seconds(5)
  /// Names that are kept.
  static let namesMax = 10_000
  /// How long a registration waits for an answer.
  static let registrationLimit = Duration.seconds(5)

  /// Which addresses may be called.
  public let policy: AddressPolicy
  private let resolver: Resolver
  private var kept: [Key: Kept] = [:]
  private var lookUps: [Key: [@EventLoop (Destination) -> Void]] = [:]

  private struct Key: Hashable {
    let name: String
    let scheme: WebhookURL.Scheme
  }

  private struct Kept {
    let destination: Destination
    let until: Instant
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
      if case .name(let name) = url.host { kept[Key(name: name, scheme: url.scheme)] = nil }
      find(url) { destination in
        limit.cancel()
        end(destination)
      }
    }
  }

  /// Finds and vets the addresses of a URL's host; `found` is called at once when they are known, else later.
  func find(_ url: WebhookURL, _ found: @escaping @EventLoop (Destination) -> Void) {
    let name: String
    switch url.host {
    case .address(let address):
      found(vetted([address], over: url.scheme))
      return
    case .name(let text):
      name = text
    }
    let key = Key(name: name, scheme: url.scheme)
    if let kept = kept[key], Instant.now < kept.until {
      found(kept.destination)
      return
    }
    guard lookUps[key] == nil else {
      lookUps[key]?.append(found)
      return
    }
    lookUps[key] = [found]
    EventLoop.spawn { [self] in
      let answer = await resolver(name)
      keep(destination(of: answer, over: key.scheme), for: key)
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
    for found in lookUps.removeValue(forKey: key) ?? [] { found(destination) }
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
