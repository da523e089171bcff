internal import EventLoop
internal import Faults
internal import HTTP

/// One call on a trunk, from the client's side.
///
/// It ends with the server's reply, the end of the trunk, the deadline, or a cancelled task.
@EventLoop
final class TrunkedCall: CallAttempt, TrunkPassenger {
  let trunkID: UInt64
  let deadline: Instant
  private let trunk: ClientTrunk
  /// What the reply came in, and where in it the answer's message is.
  private var bytes: [UInt8] = []
  private var range: Range<Int>?

  init(_ trunk: ClientTrunk, id: UInt64, deadline: Instant) {
    self.trunk = trunk
    self.deadline = deadline
    trunkID = id
  }

  override func wentOut(by link: Link) -> Bool { link.trunk === trunk }

  /// Gives the call up; the server is told.
  override func cancel() { giveUp(Fault(.cancelled, "The call was cancelled")) }

  func deadlinePassed() {
    giveUp(Fault(.deadlineExceeded, "The deadline passed before the answer came"))
  }

  private func giveUp(_ fault: Fault) {
    guard outcome == nil else { return }
    trunk.giveUp(self)
    settle(.failure(fault))
    tellOfEnd()
  }

  /// The server has replied.
  func replied(_ record: TrunkReplyRecord, in bytes: [UInt8], _ trailers: Metadata) {
    hasAnswered = true
    if let response = record.response, trailers.bytes(of: "grpc-status") == nil {
      self.bytes = bytes
      range = response
      settle(.success(trailers))
    } else {
      // A success without an answer is told when the answer is asked for.
      settle(Fault(trailers: trailers).map { .failure($0) } ?? .success(trailers))
    }
    tellOfEnd()
  }

  /// The trunk has ended before the server replied.
  func lost(_ fault: Fault) {
    settle(.failure(fault))
    tellOfEnd()
  }

  override func answer(
    to method: MethodDescriptor
  ) throws(Fault) -> (bytes: [UInt8], range: Range<Int>, trailers: Metadata) {
    guard let outcome else { preconditionFailure("Only a call that is over has an answer") }
    let trailers = try outcome.get()
    guard let range else { throw .internalError("\(method.path) ended well without an answer") }
    return (bytes, range, trailers)
  }

  /// Other replies may lie in the same memory.
  override func recycle() {
    bytes = []
    range = nil
  }
}
