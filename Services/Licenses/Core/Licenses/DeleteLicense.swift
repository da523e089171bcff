internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Deletes a license with its machines, in whatever state it is; its key is not found any more.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license.
  public func deleteLicense(_ request: DeleteLicenseRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard var locked = try await self.licenses.lock(id, change) else {
        throw .notFound("License not found: \(request.id)")
      }
      try locked.settleExpiry(change)
      try change.record("license.delete", id, before: locked.license, after: nil)
      locked.license.machineCount = 0
      locked.license.updatedAt = change.now.milliseconds
      locked.license.deletedAt = change.now.milliseconds
      locked.emit(.licenseDeleted, locked.license, at: change.now)
      try self.licenses.save(locked, change)
      self.licenses.delete(partsOf: id, change)
      self.licenses.count([try UUID(checked: locked.license.productId): -1], change)
      return Nothing()
    }
  }
}
