import Changes
import EventLoop
import Faults
import LicensesService
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit

extension LicensesFixture {
  /// Makes a row in every table, as far as the service's calls do: what the proof of tenancy needs.
  ///
  /// Who adds a table adds here what fills it.
  func fillEveryTable() async throws {
    let entitlement = try await entitlement("export_pdf")
    let license = try await license({
      $0.userEmail = "pat@studio.example"
      $0.entitlementIds = [entitlement.id]
      $0.metadata = Array(#"{"tier": "gold"}"#.utf8)
    })
    try await activate(license, "machine-1")
    _ = try await validate(license, "machine-1")
    try await service.flushTally()
    _ = try await client.releaseLicenseFile(
      ReleaseLicenseFileRequest(receipt: try receipt(of: license, serial: 1)),
      self.options
    )
    // One line of the log is sealed, the next waits to be.
    try await ChangeKeeper(database: test.open(as: "latchkey_licenses")).seal()
    // The webhooks service writes who is sent what.
    try await test.open().query(
      """
      insert into events.subscriptions (account_id, environment, type)
      values (\(tenant.accountID), \(tenant.environment), 'validation.failed')
      """
    )
    var options = options
    options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
    options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
    _ = try await client.createCustomer(
      CreateCustomerRequest(email: "kim@studio.example"),
      options
    )
  }

  func entitlement(_ code: String, _ tenant: Tenant? = nil) async throws -> Entitlement {
    try await client.createEntitlement(
      CreateEntitlementRequest(code: code, name: "Feature \(code)"),
      options(tenant)
    )
  }

  func customer(_ email: String, name: String? = nil) async throws -> Customer {
    try await client.createCustomer(CreateCustomerRequest(email: email, name: name), options)
  }

  /// The one customer with an address.
  func customer(with email: String) async throws -> Customer? {
    try await client.listCustomers(ListCustomersRequest(email: email), options).data.first
  }

  /// The lines of the audit log about a resource, oldest first.
  func audited(_ resource: String) async throws -> [AuditEvent] {
    let request = ListAuditEventsRequest(limit: 100, resourceId: resource)
    return try await client.listAuditEvents(request, options).data.reversed()
  }

  /// The types of a license's events, in their order.
  func events(_ license: String) async throws -> [String] {
    let rows = try await test.open().read(
      "select type from events.outbox where license_id = \(UUID(license)) order by sequence"
    )
    return try rows.map { try $0.value(0) as String }
  }
}
