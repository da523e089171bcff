internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Moves the expiry of an active or expired license on.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `invalidArgument` when the expiry given
  ///   is past; `CONFLICT` when it is neither; `BUSINESS_RULE_VIOLATION` when nothing says until
  ///   when it lasts.
  public func renewLicense(_ request: LicenseExtensionRequest, _ call: Call) async throws(Fault)
    -> License
  {
    try await act(on: request.id, call, "license.renew", reason: request.reason) {
      (locked, now) throws(Fault) in
      let expiry = try request.expiry(at: now)
      locked.license = try locked.license.renewed(until: expiry, by: locked.policy, at: now)
      locked.emit(.licenseRenewed, locked.license, at: now)
    }
  }
}
