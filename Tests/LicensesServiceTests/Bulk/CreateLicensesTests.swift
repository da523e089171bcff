import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct CreateLicensesTests {
  @Test @EventLoop func `a thousand licenses are issued, each with its key, in order`() async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue { $0.durationDays = 30 }
      let requests = (0..<1_000).map { number in
        CreateLicenseRequest(
          productId: product.id,
          policyId: policy.id,
          name: "Seat \(number)",
          userEmail: "user\(number % 10)@studio.example",
          userName: "User \(number % 10)",
          metadata: Array(#"{"seat": \#(number), "order": "A-\#(number)", "team": "red"}"#.utf8)
        )
      }
      let response = try await fixture.client.createLicenses(
        CreateLicensesRequest(licenses: requests),
        fixture.options
      )
      #expect(response.data.map(\.name) == requests.map(\.name))
      #expect(Set(response.data.compactMap(\.key)).count == 1_000)
      #expect(response.data.map(\.id) == response.data.map(\.id).sorted())
      #expect(response.data.allSatisfy { $0.policy == nil && $0.expiresAt != nil })
      let last = try #require(response.data.last)
      let key = try #require(last.key)
      #expect(try await fixture.events(of: last).first == "license.created")
      #expect(try await fixture.audited(last.id).map(\.action) == ["license.create"])
      #expect(try await fixture.validate(key).0.valid)
      let found = try await fixture.client.listLicenses(
        ListLicensesRequest(metadataKey: "order", metadataValue: "A-999"),
        fixture.options
      )
      #expect(found.data.map(\.id) == [last.id])
      let products = try await fixture.client.listProducts(ListProductsRequest(), fixture.options)
      #expect(products.data.map(\.licensesCount) == [1_000])
      let customers = try await fixture.client.listCustomers(
        ListCustomersRequest(),
        fixture.options
      )
      #expect(customers.data.count == 10)
    }
  }

  @Test @EventLoop func `one that cannot be keeps all from being, and is named`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue { $0.overridable = false }
      let (other, _) = try await fixture.catalogue()
      let absent = UUID.v7().description
      let good = CreateLicenseRequest(productId: product.id, policyId: policy.id)
      let rows: [(CreateLicenseRequest, Fault.Reason, String)] = [
        (
          CreateLicenseRequest(productId: absent, policyId: policy.id), .referenceNotFound,
          "licenses.1: Product not found: \(absent)"
        ),
        (
          CreateLicenseRequest(productId: product.id, policyId: absent), .referenceNotFound,
          "licenses.1: Policy not found: \(absent)"
        ),
        (
          CreateLicenseRequest(
            productId: product.id,
            policyId: policy.id,
            entitlementIds: [absent]
          ), .referenceNotFound, "licenses.1: Entitlement not found: \(absent)"
        ),
        (
          CreateLicenseRequest(productId: other.id, policyId: policy.id), .businessRuleViolation,
          "licenses.1: The policy belongs to another product"
        ),
        (
          CreateLicenseRequest(
            productId: product.id,
            policyId: policy.id,
            maxUsesOverride: 1
          ), .businessRuleViolation,
          "licenses.1: The policy is not overridable: maxMachinesOverride and maxUsesOverride must be null"
        ),
      ]
      for (bad, reason, message) in rows {
        let fault = try await fault {
          try await fixture.client.createLicenses(
            CreateLicensesRequest(licenses: [good, bad, good]),
            fixture.options
          )
        }
        #expect(fault.reason == reason)
        #expect(fault.message == message)
      }
      var past = good
      past.expiresAt = 1_000
      let issues = try await fault {
        try await fixture.client.createLicenses(
          CreateLicensesRequest(licenses: [past, good, past]),
          fixture.options
        )
      }
      #expect(
        issues.issues.map(\.path) == [
          ["licenses", "0", "expiresAt"], ["licenses", "2", "expiresAt"],
        ]
      )
      for count in [0, 1_001] {
        let fault = try await fault {
          try await fixture.client.createLicenses(
            CreateLicensesRequest(licenses: Array(repeating: good, count: count)),
            fixture.options
          )
        }
        #expect(fault.issues.map(\.path) == [["licenses"]])
      }
      #expect(try await fixture.count("select count(*) from licenses.licenses") == 0)
      #expect(try await fixture.count("select count(*) from licenses.license_key_hashes") == 0)
    }
  }

  @Test @EventLoop func `the same request again gets the same keys`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let request = CreateLicensesRequest(
        licenses: Array(
          repeating: CreateLicenseRequest(productId: product.id, policyId: policy.id),
          count: 3
        )
      )
      let options = fixture.options(idempotencyKey: 1)
      let first = try await fixture.client.createLicenses(request, options)
      #expect(try await fixture.client.createLicenses(request, options) == first)
      #expect(try await fixture.count("select count(*) from licenses.licenses") == 3)
    }
  }
}
