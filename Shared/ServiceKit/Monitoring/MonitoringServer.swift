internal import EventLoop
internal import HTTP
internal import Metrics

/// Serves what the process tells of itself, in plaintext, on a port of its own that is not to be reached from outside.
///
/// It is there before all other parts and after them, so that it can be seen how they start and stop.
@EventLoop
final class MonitoringServer: RequestHandler {
  private let monitoring: Monitoring
  private let probes: Probes
  private var http: HTTPServer?

  init(_ monitoring: Monitoring) {
    self.monitoring = monitoring
    probes = Probes(monitoring)
  }

  func start(_ listener: Listener) {
    let http = HTTPServer(handler: self, limits: Self.limits, tls: nil, plaintextProtocol: .http1)
    http.serve(listener)
    self.http = http
  }

  func stop() async {
    await http?.drain(timeout: .seconds(1))
    http = nil
  }

  /// What is said of all other paths.
  static let directions = "There are /metrics, /healthz and /readyz here\n"

  /// A few scrapers and probes, each with small requests.
  static var limits: HTTPLimits {
    var limits = HTTPLimits()
    limits.connectionsMax = 64
    limits.headerBytesMax = 8 * 1024
    limits.streamWindowBytes = 4 * 1024
    return limits
  }

  func receivedHead(_ stream: any ServerStream) {
    guard !probes.answer(stream) else { return }
    let head = stream.request
    let path = head.target.prefix { $0 != UInt8(ascii: "?") }
    guard path.elementsEqual("/metrics".utf8) else {
      return stream.answer(404, Self.directions)
    }
    guard head.method == .get || head.method == .head else { return stream.answer(405, "GET it\n") }
    stream.answer(200, monitoring.metrics(), mediaType: Exposition.mediaType)
  }

  func receivedBody(_ stream: any ServerStream) { _ = stream.takeReceived() }
  func drained(_ stream: any ServerStream) {}
  func closed(_ stream: any ServerStream) {}
}
