internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Licenses {
  /// Adds a customer; licenses that have the address already are the customer's.
  ///
  /// - Throws: ``Fault`` `CONSTRAINT_VIOLATION` when another customer of the tenant has the address, in whatever
  ///   case.
  public func createCustomer(_ request: CreateCustomerRequest, _ call: Call) async throws(Fault)
    -> Customer
  {
    let tenant = try call.requireTenant()
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let id = UUID.v7(at: change.now)
      let customer = Customer(
        id: id.description,
        email: request.email,
        name: request.name,
        licensesCount: 0,
        metadata: request.metadata ?? emptyObject,
        createdAt: change.now.milliseconds,
        updatedAt: change.now.milliseconds,
        deletedAt: nil
      )
      try await self.customers.insert(customer, id: id, change)
      // Read back for the count of licenses.
      guard let added = try await self.customers.get(id, change) else {
        throw .internalError("A customer that was added is not there")
      }
      try change.record("customer.create", id, before: nil, after: added)
      return added
    }
  }
}
