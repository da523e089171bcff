internal import EventLoop

/// The protocol spoken on one server connection, HTTP/2 or HTTP/1.1: bytes in, requests to the handler, bytes out.
@EventLoop
protocol ServerSession: AnyObject {
  /// Takes bytes from the peer and tells the handler what they bring. False when the connection must end once its output
  /// has been sent.
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool
  /// The peer sends nothing more. False when the connection must end once its output has been sent.
  func receivedEnd() -> Bool
  /// Appends bytes to send, about `target` at most. False when the connection must end once they have been sent.
  func produce(into output: inout [UInt8], target: Int) -> Bool
  /// Serves what is open and takes no more.
  func beginDraining()
  /// Requests that are open.
  var openCount: Int { get }
  /// Looks for whatever takes the peer too long. False when the connection must end now.
  func checkTimeouts(at now: Instant) -> Bool
  /// The connection is gone: tells the handler that every open stream is closed.
  func connectionClosed()
}
