public import EventLoop
internal import Faults
internal import Messages

/// grpc.health.v1: says whether a service takes calls.
///
/// Source: gRPC, `doc/health-checking.md`.
@EventLoop
public final class HealthService {
  private var serving: [String: Bool] = ["": false]
  private var isShutDown = false
  private var watchers: [ObjectIdentifier: Watcher] = [:]

  nonisolated init() {}

  func add(service: String) {
    if serving[service] == nil { serving[service] = false }
  }

  /// Says whether all services of the server take calls.
  public func setServing(_ isServing: Bool) {
    guard !isShutDown else { return }
    for service in serving.keys { serving[service] = isServing }
    for watcher in watchers.values { watcher.wake() }
  }

  /// Says "not serving" for good.
  func shutDown() {
    setServing(false)
    isShutDown = true
  }

  var methods: [Method] {
    [
      .unary(
        MethodDescriptor(path: "/grpc.health.v1.Health/Check", isIdempotent: true)
      ) {
        [unowned self] (request: HealthCheckRequest, _) async throws(Fault) -> HealthCheckResponse
        in
        let service = request.service ?? ""
        guard serving[service] != nil else {
          throw .notFound("The server has no service \(service)")
        }
        return HealthCheckResponse(status: status(service))
      },
      // Not counted, as trunks are not: every connection has one for as long as it stands, and nobody waits for its end.
      .serverStreaming(
        MethodDescriptor(path: "/grpc.health.v1.Health/Watch", kind: .serverStreaming),
        isCounted: false
      ) { [unowned self] (request: HealthCheckRequest, responses, _) async throws(Fault) in
        try await watch(request.service ?? "", responses)
      },
    ]
  }

  private func status(_ service: String) -> HealthCheckResponse.ServingStatus {
    switch serving[service] {
    case true?: .serving
    case false?: .notServing
    case nil: .serviceUnknown
    }
  }

  /// Sends the status now and with every change, until the call is cancelled.
  private func watch(
    _ service: String,
    _ responses: ResponseWriter<HealthCheckResponse>
  ) async throws(Fault) {
    let watcher = Watcher()
    watchers[ObjectIdentifier(watcher)] = watcher
    defer { watchers[ObjectIdentifier(watcher)] = nil }
    var last: HealthCheckResponse.ServingStatus?
    while !Task.isCancelled {
      let current = status(service)
      if current != last {
        last = current
        try await responses.write(HealthCheckResponse(status: current))
      }
      // Without an end of its own, a watch would hold up the draining of its connection.
      if isShutDown { throw .unavailable("The server is shutting down") }
      await watcher.wait()
    }
  }

  /// A call that waits for a change.
  @EventLoop
  private final class Watcher {
    private var hasNews = false
    private var continuation: CheckedContinuation<Void, Never>?

    func wait() async {
      await withTaskCancellationHandler {
        if hasNews || Task.isCancelled {
          hasNews = false
          return
        }
        await withCheckedContinuation { continuation = $0 }
        hasNews = false
      } onCancel: {
        EventLoop.perform { [self] in wake() }
      }
    }

    func wake() {
      hasNews = true
      continuation?.resume()
      continuation = nil
    }
  }
}
