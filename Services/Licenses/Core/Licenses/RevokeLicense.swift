internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Revokes an active or suspended license for good.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `CONFLICT` when it is neither.
  public func revokeLicense(_ request: LicenseActionRequest, _ call: Call) async throws(Fault)
    -> License
  {
    try await act(on: request.id, call, "license.revoke", reason: request.reason) {
      (locked, now) throws(Fault) in
      locked.license = try locked.license.revoked(at: now)
      locked.emit(.licenseRevoked, locked.license, at: now)
    }
  }
}
