internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Signing {
  /// Has the next key of the caller's environment sign, at once or after an overlap, and makes the one that follows.
  ///
  /// While a rotation is under way, another call moves its end.
  ///
  /// - Throws: ``Fault`` `BUSINESS_RULE_VIOLATION` when applications that embed only the root would refuse the next key.
  public func rotateSigningKey(
    _ request: RotateSigningKeyRequest,
    _ call: Call
  ) async throws(Fault) -> SigningKeyset {
    try await changeKeyset(call, "signingKey.rotate") { (keyset, make, _, now) throws(Fault) in
      try keyset.rotate(
        at: now + .seconds(Int64(request.overlapSeconds ?? 0)),
        now: now,
        isForced: request.force ?? false,
        making: make
      )
    }
  }
}
