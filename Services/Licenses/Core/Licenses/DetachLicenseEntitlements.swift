public import Faults
public import Messages
public import RPC

extension Licenses {
  /// Takes entitlements of its own from a license; those of its policy stay, and those that it does not have do
  /// no harm.
  ///
  /// - Throws: As ``attachLicenseEntitlements(_:_:)``.
  public func detachLicenseEntitlements(_ request: AttachmentRequest, _ call: Call)
    async throws(Fault) -> License
  {
    try await changeEntitlements(ofLicense: request, call, .detach)
  }
}
