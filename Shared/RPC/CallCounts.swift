internal import EventLoop
public import Metrics

/// What is counted of calls of one kind: of a method on the server's side, of a service on the client's.
///
/// Plain integers, so that counting costs a call a look at the clock and a few additions.
@EventLoop
final class CallCounts {
  /// gRPC's codes are 0 to 16.
  private static let codeCount = 17

  private(set) var inFlight = 0
  private(set) var ended = [Int](repeating: 0, count: codeCount)
  private(set) var durations = Histogram(.durations)

  /// A call has begun.
  func begin() { inFlight += 1 }

  /// A call that has begun is over, with a code of gRPC.
  func end(code: Int32, since begun: Instant) {
    inFlight -= 1
    count(code: code)
    durations.note(Instant.now.nanoseconds - begun.nanoseconds)
  }

  /// A call was over before it could begin.
  func count(code: Int32) {
    // What a server answers may be any number.
    ended[Int(code) < Self.codeCount && code >= 0 ? Int(code) : 2] += 1
  }

  /// The codes that calls have ended with, by their names, and how many did.
  var byCode: [(name: String, count: Int)] {
    ended.enumerated().filter { $0.element > 0 }.map { (CallCounts.names[$0.offset], $0.element) }
  }

  /// gRPC's name of a code.
  static func name(of code: Int32) -> String {
    names.indices.contains(Int(code)) ? names[Int(code)] : "UNKNOWN"
  }

  /// Source: gRPC, `doc/statuscodes.md`.
  private static let names = [
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
  ]
}

extension RPCServer {
  private static let calls = Metric(
    "latchkey_rpc_server_calls_total",
    .counter,
    "Calls that this process has answered, by method and gRPC status."
  )
  private static let durations = Metric(
    "latchkey_rpc_server_call_duration_seconds",
    .histogram,
    "From the head of a call to its status, by method."
  )
  private static let inFlight = Metric(
    "latchkey_rpc_server_calls_in_flight",
    .gauge,
    "Calls that are being answered."
  )

  /// Tells what was counted of calls.
  public func collect(into exposition: inout Exposition) {
    var inFlight = refused.inFlight
    for method in allMethods {
      guard let counts = method.counts else { continue }
      let (service, name) = method.descriptor.parts
      inFlight += counts.inFlight
      for (code, count) in counts.byCode {
        exposition.add(Self.calls, ["service": service, "method": name, "code": code], count)
      }
      guard counts.durations.count > 0 else { continue }
      exposition.add(
        Self.durations,
        ["service": service, "method": name],
        counts.durations
      )
    }
    // What is refused before its method is known, or for who calls: one line, whatever is asked for.
    for (code, count) in refused.byCode {
      exposition.add(Self.calls, ["service": "other", "method": "other", "code": code], count)
    }
    exposition.add(Self.inFlight, inFlight)
    collectConnections(into: &exposition)
  }
}

extension Channel {
  private static let calls = Metric(
    "latchkey_rpc_client_calls_total",
    .counter,
    "Calls of other services, each try of a repeated one counted, by service and gRPC status."
  )
  private static let durations = Metric(
    "latchkey_rpc_client_call_duration_seconds",
    .histogram,
    "From the sending of a call to its end, by service."
  )
  private static let inFlight = Metric(
    "latchkey_rpc_client_calls_in_flight",
    .gauge,
    "Calls of other services that wait for their answer."
  )
  private static let connections = Metric(
    "latchkey_rpc_client_connections",
    .gauge,
    "Connections to other services that stand."
  )
  private static let servingConnections = Metric(
    "latchkey_rpc_client_connections_serving",
    .gauge,
    "Those whose servers say that they take calls."
  )

  /// Tells what was counted of calls.
  public func collect(into exposition: inout Exposition) {
    for (code, count) in counts.byCode {
      exposition.add(Self.calls, ["service": serverName, "code": code], count)
    }
    exposition.add(Self.durations, ["service": serverName], counts.durations)
    exposition.add(Self.inFlight, ["service": serverName], counts.inFlight)
    exposition.add(Self.connections, ["service": serverName], connectionCount)
    exposition.add(Self.servingConnections, ["service": serverName], servingCount)
  }
}

extension MethodDescriptor {
  /// The full name of the service, and the name of the method within it.
  var parts: (service: String, method: String) {
    let parts = path.split(separator: "/")
    return parts.count == 2 ? (String(parts[0]), String(parts[1])) : ("other", "other")
  }
}
