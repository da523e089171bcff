internal import EventLoop
public import Faults
public import Protobuf

/// How an answer is kept for the same request under its `Idempotency-Key`, where it shows what must not be kept with it:
/// what can be erased, or is shown for a line in the audit log each time.
public struct KeptAnswer<Answer: ContractMessage>: Sendable {
  /// Takes out of an answer what is not kept.
  let strip: @Sendable (inout Answer) -> Void
  /// Puts into a kept answer what may still be shown, in the transaction of the request that is sent again.
  let restore: @EventLoop @Sendable (inout Answer, Change) async throws(Fault) -> Void

  /// Says how.
  public init(
    without strip: @escaping @Sendable (inout Answer) -> Void,
    restoredBy restore:
      @escaping @EventLoop @Sendable (inout Answer, Change) async throws(Fault) -> Void
  ) {
    self.strip = strip
    self.restore = restore
  }
}
