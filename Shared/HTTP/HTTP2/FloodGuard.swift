internal import EventLoop

/// Decides when a peer sends more frames that cost us work and bring it nothing than any honest one would.
///
/// Each kind has a bucket of tokens that refills with time. The sizes leave room for what real clients do:
/// gRPC's bandwidth probes send a PING with every few data frames, and a cancelled batch resets each of its streams.
/// Sources: CVE-2019-9512 (ping), -9515 (settings), CVE-2023-44487 (rapid reset), CVE-2019-9518 (empty frames).
struct FloodGuard {
  enum Kind: Int, CaseIterable {
    case ping, settings, reset, priority, emptyData, windowUpdate

    /// Frames in a row, and frames a second.
    var limits: (burst: Double, perSecond: Double) {
      switch self {
      case .ping: (200, 50)
      case .settings: (50, 5)
      case .reset: (1_000, 100)
      case .priority: (1_000, 100)
      case .emptyData: (100, 20)
      case .windowUpdate: (100_000, 50_000)
      }
    }
  }

  private var tokens = Kind.allCases.map { $0.limits.burst }
  private var refilledAt = Kind.allCases.map { _ in Instant(nanoseconds: 0) }

  /// Counts a frame; false when the peer has gone too far.
  mutating func admit(_ kind: Kind, at now: Instant) -> Bool {
    let (burst, perSecond) = kind.limits
    let index = kind.rawValue
    let seconds = Double(now.nanoseconds - refilledAt[index].nanoseconds) / 1e9
    tokens[index] = min(burst, tokens[index] + seconds * perSecond) - 1
    refilledAt[index] = now
    return tokens[index] >= 0
  }
}
