public import EventLoop

/// Holds deliveries back from an endpoint that fails, and lets one through now and then to see whether it has recovered.
///
/// ```
///            five failures in a row                 the pause is over
///   closed ─────────────────────────► open ────────────────────────────► half open (one probe)
///     ▲                                ▲                                    │        │
///     │                                └─────── the probe fails, ───────────┘        │
///     │                                         the pause doubles                    │
///     └───────────────────────────── the probe succeeds ─────────────────────────────┘
/// ```
///
/// What is held back has not been attempted: it is put off to ``Admission/after(_:)`` and keeps its number of attempts.
/// A pure value, one an endpoint, for as long as the process lives; time is passed in.
public struct CircuitBreaker: Hashable, Sendable {
  /// Failures in a row that open it: less than an endpoint's concurrency, so that one that hangs soon takes one place
  /// and not all.
  public static let failuresMax = 5
  /// The first pause.
  public static let shortestPause = Duration.seconds(5)
  /// The longest pause, and so the longest time by which a recovery is noticed late.
  public static let longestPause = Duration.seconds(300)

  private enum State: Hashable {
    case closed(failures: Int)
    case open(until: Instant, pause: Duration)
    case halfOpen(pause: Duration)
  }

  private var state = State.closed(failures: 0)

  /// Makes one that is closed.
  public init() {}

  /// Whether a delivery may go out.
  public enum Admission: Hashable, Sendable {
    /// It may.
    case now
    /// Not before this has passed.
    case after(Duration)
    /// Not before the probe under way has ended.
    case whenProbeEnds
  }

  /// Whether deliveries are held back.
  public var isOpen: Bool {
    if case .closed = state { return false }
    return true
  }

  /// Asks whether a delivery may go out; when it may after a pause, it is the probe.
  ///
  /// Whoever is admitted must ``record(_:at:)`` what came of it.
  public mutating func admit(at now: Instant) -> Admission {
    switch state {
    case .closed: return .now
    case .halfOpen: return .whenProbeEnds
    case .open(let until, let pause):
      guard now >= until else { return .after(until - now) }
      state = .halfOpen(pause: pause)
      return .now
    }
  }

  /// Takes in what came of a delivery.
  public mutating func record(_ verdict: Verdict, at now: Instant) {
    switch (verdict, state) {
    case (.delivered, _):
      // Also one that was under way when the others failed: the endpoint works.
      state = .closed(failures: 0)
    case (.undecided, .halfOpen(let pause)):
      // The probe has shown nothing: the next delivery is one.
      state = .open(until: now, pause: pause)
    case (.undecided, _):
      break
    case (_, .closed(let failures)) where failures + 1 < CircuitBreaker.failuresMax:
      state = .closed(failures: failures + 1)
    case (_, .closed):
      open(for: CircuitBreaker.shortestPause, at: now)
    case (_, .halfOpen(let pause)):
      open(for: min(pause * 2, CircuitBreaker.longestPause), at: now)
    case (_, .open):
      // Under way when it opened.
      break
    }
  }

  private mutating func open(for pause: Duration, at now: Instant) {
    state = .open(until: now + pause, pause: pause)
  }
}
