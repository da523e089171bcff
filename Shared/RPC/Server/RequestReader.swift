public import EventLoop
public import Faults
internal import HTTP
public import Protobuf

/// The messages that a client streams, read one after the other.
@EventLoop
public final class RequestReader<M: Message> {
  private let buffer: RequestBuffer

  init(_ buffer: RequestBuffer) { self.buffer = buffer }

  /// Waits for the next message.
  ///
  /// - Parameter deadline: When it must have come; nil waits as long as the call may take.
  /// - Returns: The message; nil after the last one, or when the client is gone.
  /// - Throws: ``Fault`` as the message's decoding does, `resourceExhausted` for an over-long one, and
  ///   `deadlineExceeded` when it has not come in time.
  public func next(by deadline: Instant? = nil) async throws(Fault) -> M? {
    try await buffer.next(by: deadline) { bytes, range throws(Fault) in
      try MessageFraming.decode(range, of: bytes)
    }
  }
}

/// The messages that a server streams.
@EventLoop
public final class ResponseWriter<M: Message> {
  private let call: Call

  init(_ call: Call) { self.call = call }

  /// Sends a message, and waits while the client does not keep up.
  ///
  /// - Throws: ``Fault`` `cancelled` when the client is gone.
  public func write(_ message: M) async throws(Fault) {
    guard !call.isFinished, !call.stream.isClosed else {
      throw Fault(.cancelled, "The client has gone away")
    }
    call.send(message)
    await call.waitForDrain()
  }
}
