public import EventLoop
public import HTTP

/// Answers `/healthz` and `/readyz`, for load balancers and supervisors.
///
/// - `/healthz` says that the process lives: who finds no answer here restarts it.
/// - `/readyz` says whether it should be given work: not while it starts or stops, nor while something is missing that it
///   cannot do without. Restarting would not help.
@EventLoop
public final class Probes {
  private let monitoring: Monitoring

  /// Answers for a process.
  public init(_ monitoring: Monitoring) { self.monitoring = monitoring }

  /// Answers a request that asks for one of the two.
  ///
  /// - Returns: Whether it did; false leaves the request to others.
  public func answer(_ stream: any ServerStream) -> Bool {
    let head = stream.request
    let target = head.target
    // Nearly all requests are for something else, so this is a look at two bytes.
    guard target.count <= 8, target.count >= 7, target.last == UInt8(ascii: "z") else {
      return false
    }
    let isHealth = target.elementsEqual("/healthz".utf8)
    guard isHealth || target.elementsEqual("/readyz".utf8) else { return false }
    guard head.method == .get || head.method == .head else {
      stream.answer(405, "GET it\n")
      return true
    }
    stream.answer(obstacles: isHealth ? [] : monitoring.obstacles)
    return true
  }
}

extension ServerStream {
  /// Says whether a process should be given work: not while something is missing.
  @EventLoop func answer(obstacles: [String]) {
    if obstacles.isEmpty {
      answer(200, "ok\n")
    } else {
      answer(503, obstacles.map { $0 + "\n" }.joined())
    }
  }

  /// Answers with a text for people.
  @EventLoop func answer(_ status: Int, _ text: String) {
    answer(status, Array(text.utf8), mediaType: "text/plain; charset=utf-8")
  }

  /// Answers with a body, which nobody may keep.
  @EventLoop func answer(_ status: Int, _ body: [UInt8], mediaType: String) {
    var fields = HeaderFields(["cache-control": "no-store", "x-content-type-options": "nosniff"])
    fields.append("content-type", mediaType)
    fields.append("content-length", String(body.count))
    if status == 405 { fields.append("allow", "GET, HEAD") }
    let hasBody = request.method != .head
    sendHead(status: status, fields, isEnd: !hasBody)
    guard hasBody else { return }
    sendBody { $0.append(contentsOf: body) }
    finish(nil)
  }
}
