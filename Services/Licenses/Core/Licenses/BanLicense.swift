internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Bans a license for abuse, for good.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `CONFLICT` when it is revoked or banned.
  public func banLicense(_ request: LicenseActionRequest, _ call: Call) async throws(Fault)
    -> License
  {
    try await act(on: request.id, call, "license.ban", reason: request.reason) {
      (locked, now) throws(Fault) in
      locked.license = try locked.license.banned(at: now)
      locked.emit(.licenseUpdated, locked.license, at: now)
    }
  }
}
