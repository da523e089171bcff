internal import EventLoop
internal import HTTP

/// The answer to one request, piece by piece.
@EventLoop
final class StreamedAnswer: ResponseHandler {
  /// The HTTP status; zero until it has come.
  private(set) var status = 0
  private var stream: HTTP2Stream?
  private var isOver = false
  private var waiting: CheckedContinuation<Void, Never>?

  nonisolated init() {}

  /// The next bytes; nil when the answer is over.
  ///
  /// They are taken only now, so a peer that sends faster than they are wanted is held up by its window.
  func next() async -> [UInt8]? {
    while true {
      if let bytes = stream?.takeReceived(), !bytes.isEmpty { return bytes }
      if isOver { return nil }
      await withCheckedContinuation { waiting = $0 }
    }
  }

  func received(_ stream: HTTP2Stream) {
    status = stream.status
    self.stream = stream
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
