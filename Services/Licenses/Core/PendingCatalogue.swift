public import Faults
public import Messages
public import RPC

// In the making: each goes as its file comes.
extension Licenses {
  public func attachLicenseEntitlements(_ request: AttachmentRequest, _ call: Call)
    async throws(Fault) -> License
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func detachLicenseEntitlements(_ request: AttachmentRequest, _ call: Call)
    async throws(Fault) -> License
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func attachPolicyEntitlements(_ request: AttachmentRequest, _ call: Call)
    async throws(Fault) -> Policy
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func detachPolicyEntitlements(_ request: AttachmentRequest, _ call: Call)
    async throws(Fault) -> Policy
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func createEntitlement(_ request: CreateEntitlementRequest, _ call: Call)
    async throws(Fault) -> Entitlement
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func listEntitlements(_ request: ListEntitlementsRequest, _ call: Call) async throws(Fault)
    -> ListEntitlementsResponse
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func getEntitlement(_ request: GetEntitlementRequest, _ call: Call) async throws(Fault)
    -> Entitlement
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func updateEntitlement(_ request: UpdateEntitlementRequest, _ call: Call)
    async throws(Fault) -> Entitlement
  {
    throw Fault(.unimplemented, "Not there yet")
  }
  public func deleteEntitlement(_ request: DeleteEntitlementRequest, _ call: Call)
    async throws(Fault) -> Nothing
  {
    throw Fault(.unimplemented, "Not there yet")
  }
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
