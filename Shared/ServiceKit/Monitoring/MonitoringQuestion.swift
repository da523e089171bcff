internal import EventLoop
internal import Faults

/// Asks a process what it tells of itself, such as `/readyz`: for supervisors that can only run a program beside a service,
/// as a container's health check, and for the parent of workers.
@EventLoop
final class MonitoringQuestion: ConnectionHandler {
  /// What a process said.
  struct Answer: Sendable {
    /// The HTTP status.
    var status: Int
    var body: [UInt8]

    /// The body of an answer that is for people.
    var text: String { String(decoding: body, as: UTF8.self) }
  }

  /// How long connecting may take, and the answer after it.
  private static let limit = Duration.seconds(2)
  /// More than all metrics of a process together.
  private static let answerBytesMax = 4 << 20

  private let connection: Connection
  private var request: [UInt8]
  private var answer: [UInt8] = []
  private var waiter: CheckedContinuation<Void, Never>?

  private init(_ connection: Connection, host: String, path: String) {
    self.connection = connection
    request = Array("GET \(path) HTTP/1.1\r\nhost: \(host)\r\nconnection: close\r\n\r\n".utf8)
  }

  /// Asks.
  ///
  /// - Parameters:
  ///   - address: Where the process tells of itself.
  ///   - path: What is asked for.
  /// - Returns: What it said.
  /// - Throws: ``Fault`` `unavailable` when nobody answers there.
  static func ask(_ address: SocketAddress, _ path: String) async throws(Fault) -> Answer {
    let connection = try await Connection.connect(to: address, timeout: limit)
    let question = MonitoringQuestion(connection, host: address.description, path: path)
    await question.wait()
    guard let answer = question.parsed else {
      throw .unavailable("The process at \(address) gave no answer in time")
    }
    return answer
  }

  private func wait() async {
    let timer = LoopTimer(after: Self.limit) { [connection] in connection.close() }
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      waiter = continuation
      connection.start(self)
      connection.setNeedsFlush()
    }
    timer.cancel()
  }

  /// The answer; nil while its head is not whole.
  private var parsed: Answer? {
    let head = Array("HTTP/1.1 ".utf8)
    guard answer.starts(with: head),
      let status = Int(String(decoding: answer[head.count...].prefix(3), as: UTF8.self)),
      let end = answer.firstRange(of: Array("\r\n\r\n".utf8))
    else { return nil }
    return Answer(status: status, body: Array(answer[end.upperBound...]))
  }

  // MARK: ConnectionHandler

  func received(_ bytes: UnsafeRawBufferPointer) {
    answer.append(contentsOf: bytes)
    if answer.count > Self.answerBytesMax { connection.close() }
  }

  func receivedEnd() {}

  func produce(into output: inout [UInt8]) {
    output += request
    request = []
  }

  func closed() {
    waiter?.resume()
    waiter = nil
  }
}
