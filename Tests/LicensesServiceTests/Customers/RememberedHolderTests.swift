import Changes
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

/// Whoever holds a license is a customer.
@Suite(.onLoop) struct RememberedHolderTests {
  @EventLoop
  private func issue(_ fixture: LicensesFixture, _ email: String, _ name: String?) async throws {
    _ = try await fixture.license({
      $0.userEmail = email
      $0.userName = name
    })
  }

  @Test @EventLoop func `a license makes its customer, once, and fills in the name`() async throws {
    try await LicensesFixture.with { fixture in
      try await issue(fixture, "Pat@studio.example", nil)
      let made = try #require(try await fixture.customer(with: "pat@studio.example"))
      #expect(made.email == "Pat@studio.example")
      #expect(made.name == nil)
      try await issue(fixture, "PAT@studio.example", "Pat")
      try await issue(fixture, "pat@studio.example", "Somebody else")
      let customers = try await fixture.client.listCustomers(
        ListCustomersRequest(),
        fixture.options
      ).data
      #expect(customers.map(\.id) == [made.id])
      #expect(customers.first?.name == "Pat")
      #expect(customers.first?.licensesCount == 3)
    }
  }

  @Test @EventLoop func `a deleted customer comes back with the next license`() async throws {
    try await LicensesFixture.with { fixture in
      try await issue(fixture, "pat@studio.example", "Pat")
      let made = try #require(try await fixture.customer(with: "pat@studio.example"))
      _ = try await fixture.client.deleteCustomer(
        DeleteCustomerRequest(id: made.id),
        fixture.options
      )
      try await issue(fixture, "pat@studio.example", nil)
      let again = try #require(try await fixture.customer(with: "pat@studio.example"))
      #expect(again.id != made.id)
      #expect(again.licensesCount == 2)
    }
  }

  /// A customer's change waits for licenses, and licenses must not wait for it meanwhile.
  @Test @EventLoop func `licenses and their customer are changed at once without a deadlock`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      let license = try await fixture.license({ $0.userEmail = "pat@studio.example" })
      let customer = try #require(try await fixture.customer(with: "pat@studio.example"))
      let request = CreateLicenseRequest(
        productId: license.productId,
        policyId: license.policyId,
        userEmail: "pat@studio.example",
        userName: "Pat"
      )
      for round in 0..<6 {
        let renaming = EventLoop.spawn {
          let name = UpdateCustomerRequest(id: customer.id, name: "n\(round)")
          return (try? await client.updateCustomer(name, options)) != nil
        }
        let clearing = EventLoop.spawn {
          let name = UpdateCustomerRequest(id: customer.id, presentNames: ["name"])
          return (try? await client.updateCustomer(name, options)) != nil
        }
        let issues = (0..<6).map { _ in
          EventLoop.spawn { (try? await client.createLicense(request, options)) != nil }
        }
        #expect(await renaming.value)
        #expect(await clearing.value)
        for issue in issues { #expect(await issue.value) }
      }
    }
  }
}
