/// How long to wait before a process that has ended is started again.
///
/// The first restart is nearly at once, since one kill should cost little; a process that keeps
/// dying is tried ever less often, so that it neither burns the processor nor fills the log.
public struct RestartPolicy: Sendable {
  /// The wait before the first restart.
  public static let shortest = Duration.milliseconds(100)
  /// The wait that the doubling ends at; what an outage elsewhere costs at most after it is over.
  public static let longest = Duration.seconds(5)
  /// A process that has run this long counts as having been well.
  public static let wellAfter = Duration.seconds(10)

  /// How often the process has ended since it was last well.
  public private(set) var failures = 0

  /// A policy for a process that has not ended yet.
  public init() {}

  /// Says how long to wait, now that the process has ended after running for `uptime`.
  public mutating func delay(afterUptime uptime: Duration) -> Duration {
    if uptime >= RestartPolicy.wellAfter { failures = 0 }
    var delay = RestartPolicy.shortest
    for _ in 0..<failures where delay < RestartPolicy.longest { delay = delay * 2 }
    failures += 1
    return min(delay, RestartPolicy.longest)
  }
}
