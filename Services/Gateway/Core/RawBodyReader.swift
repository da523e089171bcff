internal import EventLoop
internal import Faults
internal import HTTP

/// The body of a request that is passed on while it comes, for one reader.
///
/// The peer may send as much as its flow-control window holds; more only when what came is taken.
@EventLoop
final class RawBodyReader {
  /// The largest raw body: bulk imports of some hundred thousand lines.
  nonisolated static let bytesMax = 64 << 20

  /// The fault for a body that is too large.
  nonisolated static let tooLarge = Fault(
    .invalidArgument,
    "The body is larger than \(bytesMax) bytes",
    reason: .payloadTooLarge
  )

  private let stream: any ServerStream
  private var taken = 0
  private var hasEnded = false
  private var waiting: CheckedContinuation<Void, Never>?

  /// Reads what comes on this stream.
  init(_ stream: any ServerStream) { self.stream = stream }

  /// The stream has news.
  func wake() {
    guard let waiting else { return }
    self.waiting = nil
    waiting.resume()
  }

  /// The stream is over; nothing more is read from it.
  func end() {
    hasEnded = true
    wake()
  }

  /// The bytes that have come since the last call, at least one; nil when the body is complete.
  ///
  /// - Throws: ``Fault`` with the reason `payloadTooLarge` beyond ``bytesMax``; `cancelled` when the client is gone.
  func next() async throws(Fault) -> [UInt8]? {
    while !hasEnded {
      if !stream.received.isEmpty {
        let bytes = stream.takeReceived()
        taken += bytes.count
        guard taken <= Self.bytesMax else { throw Self.tooLarge }
        return bytes
      }
      if stream.isRequestComplete { return nil }
      precondition(waiting == nil, "A body has one reader.")
      await withCheckedContinuation { waiting = $0 }
    }
    throw Fault(.cancelled, "The client has gone away")
  }
}
