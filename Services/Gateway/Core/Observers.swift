public import ServiceKit
public import Tracing

/// Who looks at the gateway's requests beside those who sent them; each may be absent.
public struct Observers: Sendable {
  /// Answers load balancers.
  public let probes: Probes?
  /// Gets a line for each request.
  public let log: RequestLog?
  /// Records requests.
  public let tracer: Tracer?

  /// Names them.
  public init(probes: Probes? = nil, log: RequestLog? = nil, tracer: Tracer? = nil) {
    self.probes = probes
    self.log = log
    self.tracer = tracer
  }
}
