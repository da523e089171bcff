internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Changes a customer; a new address or name goes to all licenses of the customer in the same transaction.
  ///
  /// The licenses send no events of it: what changed is the customer, whose one line in the audit log tells of it.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such customer; `CONSTRAINT_VIOLATION` when another one
  ///   has the new address; `BUSINESS_RULE_VIOLATION` when it would go to more than
  ///   ``CustomerStore/licensesMax`` licenses; `invalidArgument` for a null where none can be.
  public func updateCustomer(_ request: UpdateCustomerRequest, _ call: Call) async throws(Fault)
    -> Customer
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let before = try await self.customers.lock(id, change) else {
        throw .customerNotFound(request.id)
      }
      let wanted = try before.updated(by: request, at: change.now)
      if wanted.email != before.email || wanted.name != before.name {
        guard before.licensesCount <= CustomerStore.licensesMax else {
          throw .businessRule(
            "The customer has more than \(CustomerStore.licensesMax) licenses; change theirs instead"
          )
        }
        self.customers.passOn(wanted, from: before, change)
      }
      try await self.customers.update(wanted, id: id, change)
      // Read back for the count: other licenses may have had the new address already.
      guard let customer = try await self.customers.get(id, change) else {
        throw .internalError("A customer that is locked is not there")
      }
      try change.record("customer.update", id, before: before, after: customer)
      return customer
    }
  }
}

extension Customer {
  /// What a request makes of the customer.
  fileprivate func updated(
    by request: UpdateCustomerRequest,
    at now: Timestamp
  ) throws(Fault) -> Customer {
    var customer = self
    var patch = Patch(request.presentNames)
    patch.set(&customer.email, "email", request.email)
    patch.setOrClear(&customer.name, "name", request.name)
    patch.set(&customer.metadata, "metadata", request.metadata)
    try patch.check()
    customer.updatedAt = now.milliseconds
    return customer
  }
}
