internal import EventLoop
internal import HTTP

/// The answer to one request, piece by piece.
@EventLoop
final class StreamedAnswer: ResponseHandler {
  /// The HTTP status; zero until it has come.
  private(set) var status = 0
  private var pieces: [[UInt8]] = []
  private var isOver = false
  private var waiting: CheckedContinuation<Void, Never>?

  nonisolated init() {}

  /// The next bytes; nil when the answer is over.
  func next() async -> [UInt8]? {
    while pieces.isEmpty, !isOver {
      await withCheckedContinuation { waiting = $0 }
    }
    return pieces.isEmpty ? nil : pieces.removeFirst()
  }

  func received(_ stream: HTTP2Stream) {
    status = stream.status
    let bytes = stream.takeReceived()
    if !bytes.isEmpty { pieces.append(bytes) }
    wake()
  }

  func drained(_ stream: HTTP2Stream) {}

  func closed(_ stream: HTTP2Stream) {
    isOver = true
    wake()
  }

  private func wake() {
    waiting?.resume()
    waiting = nil
  }
}
