internal import EventLoop
public import Metrics
internal import Protobuf

/// What is counted of the requests of one route, or of all that have none.
@EventLoop
final class RequestCounts {
  /// The statuses of answers, a handful for each route.
  private(set) var byStatus: [(status: Int, count: Int)] = []
  private(set) var durations: Histogram

  nonisolated init() { durations = Histogram(.durations) }

  /// A request was answered.
  func note(status: Int, nanoseconds: Int64) {
    durations.note(nanoseconds)
    for index in byStatus.indices where byStatus[index].status == status {
      byStatus[index].count += 1
      return
    }
    byStatus.append((status, 1))
  }
}

extension Gateway {
  /// What is counted as the status of a request whose client went away first; no answer has it.
  static let clientGone = 499

  private static let requests = Metric(
    "latchkey_http_requests_total",
    .counter,
    "Requests, by method, route and status of the answer; 499 where the client went away first."
  )
  private static let durations = Metric(
    "latchkey_http_request_duration_seconds",
    .histogram,
    "From the head of a request to the end of its answer, by method and route."
  )
  private static let inFlight = Metric(
    "latchkey_http_requests_in_flight",
    .gauge,
    "Requests that are being answered."
  )

  /// Tells what was counted of requests.
  public func collect(into exposition: inout Exposition) {
    for served in routes {
      add(served.counts, served.route.verb.rawValue, served.route.template, to: &exposition)
    }
    add(unrouted, "other", "other", to: &exposition)
    exposition.add(Self.inFlight, inFlightCount)
  }

  private func add(
    _ counts: RequestCounts,
    _ method: String,
    _ route: String,
    to exposition: inout Exposition
  ) {
    guard counts.durations.count > 0 else { return }
    for (status, count) in counts.byStatus {
      exposition.add(
        Self.requests,
        ["method": method, "route": route, "status": String(status)],
        count
      )
    }
    exposition.add(Self.durations, ["method": method, "route": route], counts.durations)
  }
}
