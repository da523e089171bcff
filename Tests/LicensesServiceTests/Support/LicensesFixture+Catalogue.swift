import Changes
import EventLoop
import Faults
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
    for sql: Query in [
      """
      insert into licenses.machines (
        account_id, environment, id, license_id, policy_id, fingerprint, unique_within,
        last_seen_at, created_at, updated_at)
      select account_id, environment, gen_random_uuid(), id, policy_id, 'machine-1', id,
        created_at, created_at, created_at
      from licenses.licenses where id = \(UUID(license.id))
      """,
      """
      insert into licenses.license_fingerprints
      select account_id, environment, id, sha256('machine-1') from licenses.licenses
      where id = \(UUID(license.id))
      """,
      """
      insert into licenses.license_metadata
      select account_id, environment, 'tier', 'silver', id from licenses.licenses
      where id = \(UUID(license.id))
      """,
      """
      insert into licenses.validation_counts
      values (\(tenant.accountID), \(tenant.environment), current_date, 1, 1)
      """,
    ] { try await test.open().query(sql) }
    // One line of the log is sealed, the next waits to be.
    try await ChangeKeeper(database: test.open(as: "latchkey_licenses")).seal()
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
