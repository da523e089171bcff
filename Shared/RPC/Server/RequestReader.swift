public import EventLoop
public import Faults
internal import HTTP
public import Protobuf

/// The messages that a client streams, read one after the other.
@EventLoop
public final class RequestReader<M: Message> {
  private let buffer: RequestBuffer

  init(_ buffer: RequestBuffer) { self.buffer = buffer }

  /// The next message; nil after the last one, or when the client is gone.
  ///
  /// - Throws: ``Fault`` as the message's decoding does, and `resourceExhausted` for an over-long one.
  public func next() async throws(Fault) -> M? {
    try await buffer.next { bytes, range throws(Fault) in
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
