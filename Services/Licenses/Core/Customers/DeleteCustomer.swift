internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Deletes a customer; the licenses stay as they are.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such customer.
  public func deleteCustomer(_ request: DeleteCustomerRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let customer = try await self.customers.lock(id, change) else {
        throw .customerNotFound(request.id)
      }
      self.customers.delete(id, change)
      try change.record("customer.delete", id, before: customer, after: nil)
      return Nothing()
    }
  }
}
