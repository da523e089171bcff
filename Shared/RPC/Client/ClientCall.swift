public import EventLoop
public import Faults
public import HTTP
public import Protobuf

/// A call whose request, answer, or both are streams.
@EventLoop
public final class ClientCall<Request: Message, Response: Message> {
  private let stream: ClientStream

  init(_ stream: ClientStream) { self.stream = stream }

  /// Sends a message, and waits while the server does not keep up.
  ///
  /// - Throws: ``Fault`` that has ended the call.
  public func send(_ message: Request) async throws(Fault) {
    if case .failure(let fault) = stream.outcome { throw fault }
    stream.send(message, isLast: false)
    await stream.waitForDrain()
  }

  /// Says that no further message is sent.
  public func finishSending() { stream.finishSending() }

  /// The next message of the answer; nil after the last one, when the call went well.
  ///
  /// - Throws: ``Fault`` that has ended the call.
  public func next() async throws(Fault) -> Response? { try await stream.next() }

  /// The first fields of the answer; empty when the call ended before them.
  public func initialMetadata() async -> Metadata {
    await stream.waitForHead()
    return stream.initialMetadata
  }

  /// The fields after the last message; empty while the call goes on or when it failed.
  public var trailers: Metadata {
    if case .success(let trailers) = stream.outcome { trailers } else { Metadata() }
  }

  /// Gives the call up; the server is told.
  public func cancel() { stream.cancel() }
}
