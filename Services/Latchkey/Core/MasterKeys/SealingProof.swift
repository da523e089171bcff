internal import EventLoop
internal import Faults
internal import Messages
internal import Stubs

/// What each master key protects, in all services of a file: asked anew each time, and counted by the database.
struct SealingProof {
  /// The state of each service.
  let statuses: [(service: ServiceName, status: SealingStatus)]

  /// Asks the services.
  ///
  /// - Throws: ``Fault`` when one of them cannot tell.
  @EventLoop
  static func make(_ services: SealingServices) async throws(Fault) -> SealingProof {
    var statuses: [(ServiceName, SealingStatus)] = []
    for (service, client) in services.clients {
      let status = try await persisting(service) { () async throws(Fault) in
        try await client.getSealingStatus(GetSealingStatusRequest())
      }
      statuses.append((service, status))
    }
    return SealingProof(statuses: statuses)
  }

  /// Where versions that satisfy a condition protect something.
  func uses(where condition: (Int64) -> Bool) -> [SealingUse] {
    statuses.flatMap(\.status.uses).filter {
      $0.count > 0 && $0.version > 0 && condition($0.version)
    }
  }

  /// A line for every place of every service: how much each version protects there.
  func text(versions: [UInt32]) -> String {
    let width = statuses.flatMap(\.status.uses).map(\.place.count).max() ?? 0
    return statuses.flatMap { service, status in
      ["  \(service.rawValue)"] + Self.lines(status.uses, versions: versions, width: width)
    }.joined(separator: "\n")
  }

  private static func lines(_ uses: [SealingUse], versions: [UInt32], width: Int) -> [String] {
    let shown = Set(versions.map(Int64.init)).union(uses.filter { $0.count > 0 }.map(\.version))
    // The uses of a place follow one another.
    let places = uses.reduce(into: [String]()) { if $0.last != $1.place { $0.append($1.place) } }
    return places.map { place in
      let counts = shown.sorted().map { version in
        let count = uses.first { $0.place == place && $0.version == version }?.count ?? 0
        return (version == 0 ? "no key" : "version \(version)") + ": \(count)"
      }
      let padding = String(repeating: " ", count: width - place.count)
      return "    \(place)\(padding)   \(counts.joined(separator: "   "))"
    }
  }
}

/// How long a service may be gone in the middle of a command: it is started again meanwhile.
private let absenceLimit = Duration.seconds(60)
private let absencePause = Duration.milliseconds(250)

/// Asks a service, again and again while it is not there or is in the way of others.
///
/// - Parameters:
///   - service: Whom.
///   - body: What is asked; it may be asked several times.
/// - Returns: The answer.
/// - Throws: What `body` throws, with the service's name; `unavailable` when it stays away for a minute.
@EventLoop
func persisting<T>(
  _ service: ServiceName,
  _ body: @EventLoop () async throws(Fault) -> T
) async throws(Fault) -> T {
  var absentSince: Instant?
  while true {
    let begun = Instant.now
    do throws(Fault) {
      return try await body()
    } catch {
      let now = Instant.now
      // It was there meanwhile.
      if now - begun > absenceLimit { absentSince = nil }
      let since = absentSince ?? now
      absentSince = since
      let mayPass = error.code == .unavailable || error.code == .aborted
      guard mayPass, now - since < absenceLimit else {
        var fault = error
        fault.message = "\(service.rawValue): \(error.message)"
        throw fault
      }
      await EventLoop.sleep(for: absencePause)
    }
  }
}
