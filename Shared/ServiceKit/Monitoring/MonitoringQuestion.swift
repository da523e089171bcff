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

  /// How long connecting and the answer may take together, where nobody waits for whoever asks.
  static let limit = Duration.seconds(2)
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
  ///   - limit: How long it may take.
  /// - Returns: What it said.
  /// - Throws: ``Fault`` `unavailable` when nobody answers there, or not in full.
  static func ask(
    _ address: SocketAddress,
    _ path: String,
    within limit: Duration = MonitoringQuestion.limit
  ) async throws(Fault) -> Answer {
    let deadline = Instant.now + limit
    let connection = try await Connection.connect(to: address, timeout: limit)
    let question = MonitoringQuestion(connection, host: address.description, path: path)
    await question.wait(until: deadline)
    guard let answer = question.parsed else {
      throw .unavailable("The process at \(address) gave no whole answer in time")
    }
    return answer
  }

  private func wait(until deadline: Instant) async {
    let timer = LoopTimer { [connection] in connection.close() }
    timer.start(at: deadline)
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      waiter = continuation
      connection.start(self)
      connection.setNeedsFlush()
    }
    timer.cancel()
  }

  /// The answer; nil while it is not whole: a cut one would say that what is not in it is not there.
  private var parsed: Answer? {
    guard let end = answer.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
    let body = answer[end.upperBound...]
    let lines = String(decoding: answer[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    guard let first = lines.first, first.hasPrefix("HTTP/1.1 "),
      let status = Int(first.dropFirst("HTTP/1.1 ".count).prefix(3)),
      lines.compactMap({ Self.contentLength($0) }) == [body.count]
    else { return nil }
    return Answer(status: status, body: Array(body))
  }

  /// What a line of the head says of the body's length; nil for every other line.
  private nonisolated static func contentLength(_ line: Substring) -> Int? {
    let parts = line.split(separator: ":", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "content-length" else { return nil }
    return Int(parts[1].drop { $0 == " " })
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
