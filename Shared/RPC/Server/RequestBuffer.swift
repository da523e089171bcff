internal import EventLoop
internal import Faults
internal import HTTP

/// The messages of a request stream, in the order in which they come, for one reader at a time.
///
/// The peer may send as much as its flow-control window holds; more only when messages are read.
@EventLoop
final class RequestBuffer {
  private let stream: any ServerStream
  private var bytes: [UInt8] = []
  private var offset = 0
  private var hasEnded = false
  private var waiting: CheckedContinuation<Void, Never>?

  init(_ stream: any ServerStream) { self.stream = stream }

  /// The stream has news.
  func wake() {
    guard let waiting else { return }
    self.waiting = nil
    waiting.resume()
  }

  /// No further message is read.
  func end() {
    hasEnded = true
    wake()
  }

  private func news(by deadline: Instant?) async throws(Fault) {
    guard let deadline else {
      await withCheckedContinuation { waiting = $0 }
      return
    }
    guard Instant.now < deadline else {
      throw Fault(.deadlineExceeded, "The next part of the request did not come in time")
    }
    let timer = LoopTimer { [self] in wake() }
    timer.start(at: deadline)
    await withCheckedContinuation { waiting = $0 }
    timer.cancel()
  }

  /// The bytes of the next message, as a range of what `body` is given; nil after the last one.
  func next<T: Sendable>(
    by deadline: Instant? = nil,
    _ body: ([UInt8], Range<Int>) throws(Fault) -> T
  ) async throws(Fault) -> T? {
    while true {
      if let range = try MessageFraming.next(in: bytes, from: offset) {
        offset = range.upperBound
        return try body(bytes, range)
      }
      if !stream.received.isEmpty {
        let more = stream.takeReceived()
        if offset == bytes.count { bytes = more } else { bytes = bytes[offset...] + more }
        offset = 0
        continue
      }
      if stream.isRequestComplete || stream.isClosed || hasEnded {
        guard offset == bytes.count else {
          throw Fault(.internalError, "The request ended in the middle of a message")
        }
        return nil
      }
      guard !Task.isCancelled else { return nil }
      precondition(waiting == nil, "A request stream has one reader at a time")
      // A cancelled task is woken by the end of the stream or by the deadline, which are what cancel it.
      try await news(by: deadline)
    }
  }
}
