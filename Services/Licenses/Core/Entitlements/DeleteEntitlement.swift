internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Deletes an entitlement; policies and licenses have it no more.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such entitlement.
  public func deleteEntitlement(_ request: DeleteEntitlementRequest, _ call: Call)
    async throws(Fault) -> Nothing
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let entitlement = try await self.entitlements.lock(id, change) else {
        throw .entitlementNotFound(request.id)
      }
      self.entitlements.delete(id, change)
      try change.record("entitlement.delete", id, before: entitlement, after: nil)
      return Nothing()
    }
  }
}
