public import Faults
public import Messages
public import RPC

extension Licenses {
  /// Takes entitlements from all licenses of a policy, but for those that have them of their own; those that it
  /// does not have do no harm.
  ///
  /// - Throws: As ``attachPolicyEntitlements(_:_:)``.
  public func detachPolicyEntitlements(_ request: AttachmentRequest, _ call: Call)
    async throws(Fault) -> Policy
  {
    try await changeEntitlements(ofPolicy: request, call, .detach)
  }
}
