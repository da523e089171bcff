internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Licenses {
  /// Adds an entitlement.
  ///
  /// - Throws: ``Fault`` `CONSTRAINT_VIOLATION` when another entitlement of the tenant has the code.
  public func createEntitlement(_ request: CreateEntitlementRequest, _ call: Call)
    async throws(Fault) -> Entitlement
  {
    let tenant = try call.requireTenant()
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let id = UUID.v7(at: change.now)
      let entitlement = Entitlement(
        id: id.description,
        code: request.code,
        name: request.name,
        description: request.description,
        metadata: request.metadata ?? emptyObject,
        createdAt: change.now.milliseconds,
        updatedAt: change.now.milliseconds,
        deletedAt: nil
      )
      try await self.entitlements.insert(entitlement, id: id, change)
      try change.record("entitlement.create", id, before: nil, after: entitlement)
      return entitlement
    }
  }
}
