internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Suspends an active license, until it is reinstated.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `CONFLICT` when it is not active.
  public func suspendLicense(_ request: LicenseActionRequest, _ call: Call) async throws(Fault)
    -> License
  {
    try await act(on: request.id, call, "license.suspend", reason: request.reason) {
      (locked, now) throws(Fault) in
      locked.license = try locked.license.suspended(at: now)
      locked.emit(.licenseSuspended, locked.license, at: now)
    }
  }
}
