import Cryptography
import EventLoop
import Faults
import HTTP
import Primitives
import WebhooksSending

/// An HTTP server on this machine that takes deliveries and answers as a test wants it.
@EventLoop
final class TestReceiver: RequestHandler {
  /// What it answers.
  enum Answer {
    case status(Int)
    /// 200, and some text.
    case text(String)
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
    case .text(let text):
      stream.sendHead(status: 200, HeaderFields(["x-handler": "test"]), isEnd: false)
      stream.sendBody { $0 += text.utf8 }
      stream.finish(nil)
    case .busy(let retryAfter):
      stream.sendHead(status: 503, HeaderFields(["retry-after": retryAfter]), isEnd: true)
    case .nothing: break
    case .reset: stream.reset(.cancel)
    }
  }
}

extension TestReceiver.Request {
  /// Whether it has a secret's signature in each scheme.
  ///
  /// - Parameters:
  ///   - secret: The secret's text.
  ///   - suffix: `-next` for the headers that the new secret signs during an overlap.
  /// - Returns: Whether all are there and right.
  func isSigned(by secret: String, suffix: String = "") -> Bool {
    guard let timestamp = headers["x-licentric-timestamp"],
      let bytes = Base64.decode(String(secret.dropFirst(WebhookSecret.prefix.count)))
    else { return false }
    let textKey = HMACSHA256(key: Array(secret.utf8))
    let ofBoth = textKey.authenticate(Array("\(timestamp).".utf8), body)
    let ofBody = textKey.authenticate(body)
    let identified = Array("\(eventID).\(timestamp).".utf8)
    let standard = "v1," + Base64.encode(HMACSHA256(key: bytes).authenticate(identified, body))
    let listed = headers["webhook-signature"]?.split(separator: " ").map(String.init) ?? []
    return headers["x-licentric-signature\(suffix)"] == Hex.encode(ofBoth)
      && headers["x-licentric-signature-body\(suffix)"] == Hex.encode(ofBody)
      && listed.contains(standard)
  }
}
