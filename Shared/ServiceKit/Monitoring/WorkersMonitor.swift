internal import EventLoop
internal import Faults
internal import HTTP
internal import Metrics

/// Tells of a parent and all of its workers at one place, where a process without workers tells of itself.
///
/// - `/metrics` has what each of them says, with a label `worker`; the parent's own are those without it.
/// - `/readyz` says ready when every worker does: connections that the kernel gives to one that is not are not served.
/// - `/healthz` is the parent's own.
@EventLoop
final class WorkersMonitor: RequestHandler {
  /// How long a worker may take to answer: less than whoever asks the parent waits for it, or a worker that hangs would
  /// never be named.
  static let limit = Duration.seconds(1)

  private let monitoring: Monitoring
  private let workers: @EventLoop () -> [SocketAddress]
  private var http: HTTPServer?

  /// Makes a monitor.
  ///
  /// - Parameters:
  ///   - monitoring: What the parent tells of itself.
  ///   - workers: Where each worker does.
  init(_ monitoring: Monitoring, workers: @escaping @EventLoop () -> [SocketAddress]) {
    self.monitoring = monitoring
    self.workers = workers
  }

  func start(_ listener: Listener) {
    let http = HTTPServer(
      handler: self,
      limits: MonitoringServer.limits,
      tls: nil,
      plaintextProtocol: .http1
    )
    http.serve(listener)
    self.http = http
  }

  func stop() async {
    await http?.drain(timeout: .seconds(1))
    http = nil
  }

  func receivedHead(_ stream: any ServerStream) {
    let head = stream.request
    let path = String(decoding: head.target.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
    guard ["/metrics", "/healthz", "/readyz"].contains(path) else {
      return stream.answer(404, MonitoringServer.directions)
    }
    guard head.method == .get || head.method == .head else { return stream.answer(405, "GET it\n") }
    guard path != "/healthz" else { return stream.answer(200, "ok\n") }
    EventLoop.spawn { [self] in
      if path == "/metrics" {
        let text = await metrics()
        if !stream.isClosed { stream.answer(200, text, mediaType: Exposition.mediaType) }
      } else {
        let obstacles = await obstacles()
        if !stream.isClosed { stream.answer(obstacles: obstacles) }
      }
    }
  }

  func receivedBody(_ stream: any ServerStream) { _ = stream.takeReceived() }
  func drained(_ stream: any ServerStream) {}
  func closed(_ stream: any ServerStream) {}

  private static let isUp = Metric(
    "latchkey_worker_up",
    .gauge,
    "Whether the worker has answered this scrape: 1 or 0."
  )

  private func metrics() async -> [UInt8] {
    let answers = await ask("/metrics")
    var merged = MergedExposition(label: "worker")
    var own = Exposition()
    for (index, answer) in answers.enumerated() {
      let isUp = answer?.status == 200
      own.add(Self.isUp, ["worker": "\(index + 1)"], isUp ? 1 : 0)
    }
    merged.add(monitoring.metrics())
    merged.add(own.text)
    for (index, answer) in answers.enumerated() {
      if let answer, answer.status == 200 { merged.add(answer.body, from: "\(index + 1)") }
    }
    return merged.text
  }

  /// What keeps the parent and its workers from being given work; empty where nothing does.
  func obstacles() async -> [String] {
    let answers = await ask("/readyz")
    return monitoring.obstacles
      + answers.enumerated().flatMap { index, answer -> [String] in
        guard let answer else { return ["worker \(index + 1): it does not answer"] }
        guard answer.status != 200 else { return [] }
        let lines = answer.text.split(separator: "\n")
        guard !lines.isEmpty else {
          return ["worker \(index + 1): it is not ready (status \(answer.status))"]
        }
        return lines.map { "worker \(index + 1): \($0)" }
      }
  }

  /// What each worker answers, all asked at once; nil where one does not.
  private func ask(_ path: String) async -> [MonitoringQuestion.Answer?] {
    let questions = workers().map { address in
      EventLoop.spawn { () async -> MonitoringQuestion.Answer? in
        do throws(Fault) {
          return try await MonitoringQuestion.ask(address, path, within: Self.limit)
        } catch {
          return nil
        }
      }
    }
    var answers: [MonitoringQuestion.Answer?] = []
    for question in questions { answers.append(await question.value) }
    return answers
  }
}
