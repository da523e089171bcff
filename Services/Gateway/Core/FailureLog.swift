internal import EventLoop
internal import Faults
internal import Logging
internal import Primitives
internal import Protobuf

/// Tells our logs of failures that are ours, so many a second and no more.
///
/// When a service or the database is gone, every request fails in the same way: the first lines say all there
/// is to know, and thousands more a second would cost the time that recovery needs.
@EventLoop
final class FailureLog {
  /// How many failures are told one by one in a second.
  static let linesPerSecondMax = 10

  private let log: Logger
  private let now: @EventLoop () -> Instant
  private var windowEnds = Instant(nanoseconds: .min)
  private var told = 0
  private var untold = 0

  /// Writes to `log`, by the clock `now`.
  init(_ log: Logger, now: @escaping @EventLoop () -> Instant = { Instant.now }) {
    self.log = log
    self.now = now
  }

  /// Tells of a failed request, unless it is the client's own fault, which its answer says.
  func note(_ fault: Fault, on route: ServedRoute, requestID: String, after duration: Duration) {
    let status = fault.httpStatus
    guard status >= 500, mayTell() else { return }
    log.error(
      "request failed",
      error: fault,
      metadata: [
        // The template and never the path, which can hold a license key.
        "route": "\(route.route.verb.rawValue) \(route.route.template)",
        "status": "\(status)",
        "requestId": "\(requestID)",
        "milliseconds": "\(duration.wholeMilliseconds)",
      ]
    )
  }

  /// Whether this second has a line left; a new second begins with what the last ones kept quiet about.
  private func mayTell() -> Bool {
    let now = now()
    if now >= windowEnds {
      if untold > 0 { log.error("more requests failed", metadata: ["count": "\(untold)"]) }
      windowEnds = now + .seconds(1)
      told = 0
      untold = 0
    }
    guard told < Self.linesPerSecondMax else {
      untold += 1
      return false
    }
    told += 1
    return true
  }
}
