public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Shows one customer.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such customer.
  public func getCustomer(_ request: GetCustomerRequest, _ call: Call) async throws(Fault)
    -> Customer
  {
    let tenant = try call.requireTenant()
    let customer = try await customers.get(tenant, id: try UUID(checked: request.id))
    guard let customer else { throw .customerNotFound(request.id) }
    return customer
  }
}

extension Fault {
  /// The tenant has no such customer.
  static func customerNotFound(_ id: String) -> Fault { .notFound("Customer not found: \(id)") }
}
