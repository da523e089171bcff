internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Makes a suspended or expired license active again.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `invalidArgument` when the expiry given
  ///   is past; `CONFLICT` when it is neither; `BUSINESS_RULE_VIOLATION` when nothing says until
  ///   when it lasts.
  public func reinstateLicense(_ request: LicenseExtensionRequest, _ call: Call) async throws(Fault)
    -> License
  {
    try await act(on: request.id, call, "license.reinstate", reason: request.reason) {
      (locked, now) throws(Fault) in
      let expiry = try request.expiry(at: now)
      locked.license = try locked.license.reinstated(until: expiry, by: locked.policy, at: now)
      locked.emit(.licenseReinstated, locked.license, at: now)
    }
  }
}
