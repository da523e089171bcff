import EventLoop
import Faults
import HTTP
import Primitives

/// An HTTP server on this machine that takes deliveries and answers as a test wants it.
@EventLoop
final class TestReceiver: RequestHandler {
  /// What it answers.
  enum Answer {
    case status(Int)
    /// 503, and when to come again.
    case busy(retryAfter: String)
    /// Never.
    case nothing
    /// The connection is reset.
    case reset
  }

  /// A request that came.
  struct Request {
    let path: String
    let eventID: String
    let type: String
    let delivery: String
    let headers: [String: String]
    let body: [UInt8]
    let at: Instant
  }

  private(set) var requests: [Request] = []
  /// Says what the next request is answered.
  var answer: (Request) -> Answer = { _ in .status(204) }
  private let listener: Listener
  private lazy var server = HTTPServer(handler: self, tls: nil, plaintextProtocol: .http1)

  init() throws {
    guard let address = SocketAddress(ip: "127.0.0.1", port: 0) else {
      throw Fault(.internalError, "127.0.0.1 is an address")
    }
    listener = try Listener(address)
  }

  /// Runs a receiver while `body` runs.
  static func with(_ body: @EventLoop (TestReceiver) async throws -> Void) async throws {
    let receiver = try TestReceiver()
    receiver.server.serve(receiver.listener)
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body(receiver)) } catch { outcome = .failure(error) }
    await receiver.server.drain(timeout: .zero)
    try outcome.get()
  }

  var url: String { "http://127.0.0.1:\(listener.address.port)/hook" }
  var ids: [String] { requests.map(\.eventID) }
  var types: [String] { requests.map(\.type) }

  // MARK: RequestHandler

  func receivedHead(_ stream: any ServerStream) {
    if stream.isRequestComplete { take(stream) }
  }

  func receivedBody(_ stream: any ServerStream) {
    stream.acknowledgeReceived()
    if stream.isRequestComplete { take(stream) }
  }

  func drained(_ stream: any ServerStream) {}
  func closed(_ stream: any ServerStream) {}

  private func take(_ stream: any ServerStream) {
    guard stream.attachment == nil else { return }
    let fields = stream.request.fields
    var headers: [String: String] = [:]
    for index in 0..<fields.count {
      let (name, value) = fields[at: index]
      headers[name] = value
    }
    let request = Request(
      path: String(decoding: stream.request.target, as: UTF8.self),
      eventID: headers["webhook-id"] ?? "",
      type: headers["x-licentric-event"] ?? "",
      delivery: headers["x-licentric-delivery"] ?? "",
      headers: headers,
      body: stream.takeReceived(),
      at: Instant.now
    )
    requests.append(request)
    switch answer(request) {
    case .status(let status): stream.sendHead(status: status, HeaderFields(), isEnd: true)
    case .busy(let retryAfter):
      stream.sendHead(status: 503, HeaderFields(["retry-after": retryAfter]), isEnd: true)
    case .nothing: break
    case .reset: stream.reset(.cancel)
    }
  }
}
