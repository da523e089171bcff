public import Faults
public import Messages
public import RPC

// In the making: each goes as its file comes.
extension Licenses {
  public func createCustomer(_ request: CreateCustomerRequest, _ call: Call) async throws(Fault)
    -> Customer
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func listCustomers(_ request: ListCustomersRequest, _ call: Call) async throws(Fault)
    -> ListCustomersResponse
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func getCustomer(_ request: GetCustomerRequest, _ call: Call) async throws(Fault)
    -> Customer
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func updateCustomer(_ request: UpdateCustomerRequest, _ call: Call) async throws(Fault)
    -> Customer
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func deleteCustomer(_ request: DeleteCustomerRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func listAuditEvents(_ request: ListAuditEventsRequest, _ call: Call) async throws(Fault)
    -> ListAuditEventsResponse
  {
    throw Fault(.unimplemented, "Not there yet")
  }
}
