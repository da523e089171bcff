import EventLoop
import Foundation
import HTTP

/// A request that a test has made up, and what was answered to it.
final class RecordedStream: ServerStream {
  var request = RequestHead()
  let openedAt = Instant(nanoseconds: 0)
  var origin = RequestOrigin(
    address: SocketAddress(ip: "203.0.113.9", port: 4_711),
    identity: nil,
    isSecure: true
  )
  var connection: ObjectIdentifier { ObjectIdentifier(self) }
  private(set) var received: [UInt8] = []
  private(set) var isRequestComplete = false
  var isClosed = false
  var hasDeadline = false
  var attachment: AnyObject?
  var outputPending: Int { 0 }

  private(set) var status = 0
  private(set) var fields = HeaderFields()
  private(set) var body: [UInt8] = []
  private(set) var isFinished = false
  private(set) var acknowledged = 0
  private var waiter: CheckedContinuation<Void, Never>?

  init(_ method: String, _ target: String, _ fields: [(String, String)] = []) {
    request.method = Array(method.utf8).withUnsafeBytes { RequestHead.Method($0) }
    request.target = Array(target.utf8)
    request.authority = Array("gateway.example".utf8)
    for (name, value) in fields { request.fields.append(named: name, value) }
  }

  /// The body comes, or a part of it.
  func arrive(_ bytes: [UInt8], isLast: Bool) {
    received += bytes
    isRequestComplete = isLast
  }

  @EventLoop func takeReceived() -> [UInt8] {
    defer { received = [] }
    return received
  }

  @EventLoop func acknowledgeReceived() { acknowledged = received.count }

  @EventLoop func sendHead(status: Int, _ fields: HeaderFields, isEnd: Bool) {
    precondition(self.status == 0, "A head is sent once.")
    self.status = status
    self.fields = fields
    if isEnd { finish(nil) }
  }

  @EventLoop func sendBody(_ write: (inout [UInt8]) -> Void) { write(&body) }

  @EventLoop func finish(_ trailers: HeaderFields?) {
    precondition(!isFinished, "An answer ends once.")
    isFinished = true
    waiter?.resume()
    waiter = nil
  }

  @EventLoop func reset(_ code: StreamError) { isClosed = true }

  /// Returns when the answer is complete.
  @EventLoop func answered() async {
    if isFinished { return }
    await withCheckedContinuation { waiter = $0 }
  }

  /// The answer's body, read by a parser that is not ours.
  func json() throws -> NSDictionary {
    try JSONSerialization.jsonObject(with: Data(body)) as? NSDictionary ?? [:]
  }
}

extension HeaderFields {
  /// Adds a field whose name is no constant, as it comes from a client.
  mutating func append(named name: String, _ value: String) {
    Array(name.utf8).withUnsafeBytes { name in
      Array(value.utf8).withUnsafeBytes { append(name: name, value: $0) }
    }
  }
}
