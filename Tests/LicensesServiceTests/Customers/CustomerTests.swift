import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct CustomerTests {
  @Test @EventLoop func `a customer is made, read, listed, changed and deleted`() async throws {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      let made = try await client.createCustomer(
        CreateCustomerRequest(email: "Pat@Studio.example", name: "Pat"),
        options
      )
      #expect(made.email == "Pat@Studio.example")
      #expect(made.licensesCount == 0)
      let get = GetCustomerRequest(id: made.id)
      #expect(try await client.getCustomer(get, options) == made)
      _ = try await fixture.customer("kim@studio.example")
      #expect(try await client.listCustomers(ListCustomersRequest(), options).data.count == 2)
      #expect(try await fixture.customer(with: "pat@sTUDIO.example") == made)
      fixture.clock.advance(by: .seconds(1))
      let changed = try await client.updateCustomer(
        UpdateCustomerRequest(
          id: made.id,
          metadata: Array(#"{"a": 1}"#.utf8),
          presentNames: ["name", "metadata"]
        ),
        options
      )
      #expect(changed.name == nil)
      #expect(changed.email == made.email)
      #expect(changed.metadata == Array(#"{"a": 1}"#.utf8))
      #expect(changed.updatedAt == fixture.clock.now.milliseconds)
      let delete = DeleteCustomerRequest(id: made.id)
      _ = try await client.deleteCustomer(delete, options)
      let faults = [
        try await fault { try await client.getCustomer(get, options) },
        try await fault { try await client.deleteCustomer(delete, options) },
        try await fault {
          try await client.updateCustomer(UpdateCustomerRequest(id: made.id), options)
        },
      ]
      #expect(faults.map(\.reason) == [.notFound, .notFound, .notFound])
      #expect(try await fixture.customer(with: made.email) == nil)
      #expect(
        try await fixture.audited(made.id).map(\.action) == [
          "customer.create", "customer.update", "customer.delete",
        ]
      )
    }
  }

  @Test @EventLoop func `an address is taken once, in any case, until its customer is deleted`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let first = try await fixture.customer("pat@studio.example")
      let second = try await fixture.customer("kim@studio.example")
      let faults = [
        try await fault { try await fixture.customer("PAT@studio.example") },
        try await fault {
          try await fixture.client.updateCustomer(
            UpdateCustomerRequest(id: second.id, email: "Pat@studio.example"),
            fixture.options
          )
        },
      ]
      #expect(faults.map(\.reason) == [.constraintViolation, .constraintViolation])
      _ = try await fixture.client.deleteCustomer(
        DeleteCustomerRequest(id: first.id),
        fixture.options
      )
      _ = try await fixture.customer("PAT@studio.example")
    }
  }

  @Test @EventLoop func `bad fields and nulls are named`() async throws {
    try await LicensesFixture.with { fixture in
      for (email, name, path) in [
        ("nobody", "n", "email"), ("", "n", "email"),
        ("a@\(String(repeating: "b", count: 260)).example", "n", "email"),
        ("a@b.example", String(repeating: "n", count: 256), "name"),
      ] {
        let fault = try await fault { try await fixture.customer(email, name: name) }
        #expect(Set(fault.issues.map(\.path)) == [[path]])
      }
      let made = try await fixture.customer("a@b.example")
      let nulls = try await fault {
        try await fixture.client.updateCustomer(
          UpdateCustomerRequest(id: made.id, presentNames: ["email", "name", "metadata"]),
          fixture.options
        )
      }
      #expect(nulls.issues.map(\.path) == [["email"], ["metadata"]])
    }
  }

  @Test @EventLoop func `a new address and name go to all licenses of the customer, and no others`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      func issue(_ email: String, _ name: String?) async throws -> License {
        try await fixture.license({
          $0.userEmail = email
          $0.userName = name
        })
      }
      let first = try await issue("pat@studio.example", "Pat")
      let second = try await issue("PAT@Studio.example", nil)
      let other = try await issue("kim@studio.example", "Kim")
      let customer = try #require(try await fixture.customer(with: "pat@studio.example"))
      #expect(customer.licensesCount == 2)
      func holders() async throws -> [[String?]] {
        var holders: [[String?]] = []
        for license in [first, second, other] {
          let got = try await client.getLicense(GetLicenseRequest(id: license.id), options)
          holders.append([got.userEmail, got.userName])
        }
        return holders
      }
      let renamed = try await client.updateCustomer(
        UpdateCustomerRequest(id: customer.id, email: "new@studio.example"),
        options
      )
      #expect(renamed.licensesCount == 2)
      #expect(
        try await holders() == [
          ["new@studio.example", "Pat"], ["new@studio.example", nil],
          ["kim@studio.example", "Kim"],
        ]
      )
      _ = try await client.updateCustomer(
        UpdateCustomerRequest(id: customer.id, name: "Patricia"),
        options
      )
      #expect(
        try await holders() == [
          ["new@studio.example", "Patricia"], ["new@studio.example", "Patricia"],
          ["kim@studio.example", "Kim"],
        ]
      )
      #expect(try await fixture.events(first.id) == ["license.created"])
      _ = try await client.deleteCustomer(DeleteCustomerRequest(id: customer.id), options)
      #expect(try await holders().first == ["new@studio.example", "Patricia"])
    }
  }

  @Test @EventLoop func `a customer of very many licenses keeps address and name`() async throws {
    try await LicensesFixture.with { fixture in
      let customer = try await fixture.customer("pat@studio.example")
      let license = try await fixture.license()
      try await fixture.test.open().query(
        """
        insert into licenses.licenses (
          account_id, environment, id, product_id, policy_id, status, user_email,
          sealed_file_secret, event_sequence, created_at, updated_at)
        select account_id, environment, gen_random_uuid(), product_id, policy_id, status,
          'pat@studio.example', 'x', 1, created_at, updated_at
        from licenses.licenses, generate_series(1, 10001) where id = \(UUID(license.id))
        """
      )
      let fault = try await fault {
        try await fixture.client.updateCustomer(
          UpdateCustomerRequest(id: customer.id, name: "Pat"),
          fixture.options
        )
      }
      #expect(fault.reason == .businessRuleViolation)
    }
  }

  @Test @EventLoop func `another tenant's customer is not there`() async throws {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.customer("pat@studio.example")
      for stranger in fixture.strangers {
        let options = fixture.options(stranger)
        let faults = [
          try await fault {
            try await fixture.client.getCustomer(GetCustomerRequest(id: made.id), options)
          },
          try await fault {
            try await fixture.client.updateCustomer(
              UpdateCustomerRequest(id: made.id, name: "n"),
              options
            )
          },
          try await fault {
            try await fixture.client.deleteCustomer(DeleteCustomerRequest(id: made.id), options)
          },
        ]
        #expect(faults.map(\.reason) == [.notFound, .notFound, .notFound])
      }
    }
  }
}
