public import EventLoop
public import Faults
public import Protobuf

/// How a unary call is answered that was begun without a task: now, when something asked for has come, or by a task
/// after all.
///
/// Answered once; what comes later, or when nobody waits any more, goes nowhere.
@EventLoop
public struct Reply<Response: Message> {
  private let call: Call

  init(_ call: Call) { self.call = call }

  /// Whether somebody still waits for an answer.
  public var isAwaited: Bool { !call.isFinished }

  /// Ends the call well.
  public func answer(_ response: Response) {
    call.answer(response)
  }

  /// Ends the call with a fault.
  public func fail(_ fault: Fault) { call.fail(fault) }

  /// Goes on in a task, which is cancelled when the client goes away or the deadline passes.
  public func inTask(_ body: @escaping @EventLoop () async throws(Fault) -> Response) {
    guard isAwaited else { return }
    call.run { [call] () async throws(Fault) in call.answer(try await body()) }
  }
}
