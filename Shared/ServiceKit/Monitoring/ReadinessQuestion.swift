internal import EventLoop
internal import Faults

/// Asks the process that runs beside this one whether it should be given work, as `/readyz` says: for supervisors that
/// can only run a program beside a service, such as a container's health check.
@EventLoop
final class ReadinessQuestion: ConnectionHandler {
  /// What a process said.
  struct Answer {
    var isReady: Bool
    /// What is missing, a line each.
    var text: String
  }

  /// How long connecting may take, and the answer after it.
  private static let limit = Duration.seconds(2)
  /// More than all obstacles together.
  private static let answerBytesMax = 16 * 1024

  private let connection: Connection
  private var request: [UInt8]
  private var answer: [UInt8] = []
  private var waiter: CheckedContinuation<Void, Never>?

  private init(_ connection: Connection, host: String) {
    self.connection = connection
    request = Array(
      "GET /readyz HTTP/1.1\r\nhost: \(host)\r\nconnection: close\r\n\r\n".utf8
    )
  }

  /// Asks.
  ///
  /// - Parameter endpoint: Where the process serves its metrics; every address of the machine may stand for its own.
  /// - Returns: What it said.
  /// - Throws: ``Fault`` `unavailable` when nobody answers there.
  static func ask(_ endpoint: Endpoint) async throws(Fault) -> Answer {
    let addresses = try await EventLoop.resolve(host: endpoint.host, port: endpoint.port)
    guard let address = addresses.first else {
      throw .unavailable("\(endpoint.host) has no address")
    }
    let connection = try await Connection.connect(to: address, timeout: limit)
    let question = ReadinessQuestion(connection, host: endpoint.description)
    await question.wait()
    guard let answer = question.parsed else {
      throw .unavailable("The process at \(endpoint) gave no answer in time")
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

  /// The answer; nil while it is not whole.
  private var parsed: Answer? {
    let text = String(decoding: answer, as: UTF8.self)
    guard text.hasPrefix("HTTP/1.1 "), let end = text.firstRange(of: "\r\n\r\n") else { return nil }
    return Answer(
      isReady: text.hasPrefix("HTTP/1.1 200 "),
      text: String(text[end.upperBound...])
    )
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
