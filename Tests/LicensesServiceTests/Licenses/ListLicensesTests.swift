import EventLoop
import Faults
import LicensesService
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct ListLicensesTests {
  /// Names of licenses that a filter finds, newest first.
  @EventLoop
  private func names(
    _ fixture: LicensesFixture,
    _ request: ListLicensesRequest
  ) async throws -> [String] {
    try await fixture.client.listLicenses(request, fixture.options).data.map { $0.name ?? "" }
  }

  @Test @EventLoop func `each filter finds its licenses, and filters go together`() async throws {
    try await LicensesFixture.with { fixture in
      let (one, onePolicy) = try await fixture.catalogue()
      let (two, twoPolicy) = try await fixture.catalogue()
      let rows: [(String, Product, Policy, String?, String)] = [
        ("a", one, onePolicy, "Pat@studio.example", #"{"seat": 1, "team": "red"}"#),
        ("b", one, onePolicy, "lou@studio.example", #"{"seat": "1", "ok": true}"#),
        ("c", two, twoPolicy, "pat@STUDIO.example", #"{"seat": 2, "team": {"name": "red"}}"#),
        ("d", two, twoPolicy, nil, #"{"team": "blue", "ok": false}"#),
      ]
      var made: [License] = []
      for (name, product, policy, email, metadata) in rows {
        let license = try await fixture.client.createLicense(
          CreateLicenseRequest(
            productId: product.id,
            policyId: policy.id,
            name: name,
            userEmail: email,
            metadata: Array(metadata.utf8)
          ),
          fixture.options
        )
        made.append(license)
        fixture.clock.advance(by: .milliseconds(10))
      }
      let wanted: [(ListLicensesRequest, [String])] = [
        (ListLicensesRequest(), ["d", "c", "b", "a"]),
        (ListLicensesRequest(productId: one.id), ["b", "a"]),
        (ListLicensesRequest(policyId: twoPolicy.id), ["d", "c"]),
        (ListLicensesRequest(productId: one.id, policyId: twoPolicy.id), []),
        (ListLicensesRequest(userEmail: "PAT@studio.example"), ["c", "a"]),
        (ListLicensesRequest(userEmail: "nobody"), []),
        (ListLicensesRequest(metadataKey: "seat", metadataValue: "1"), ["b", "a"]),
        (ListLicensesRequest(metadataKey: "team", metadataValue: "red"), ["a"]),
        (ListLicensesRequest(metadataKey: "ok", metadataValue: "true"), ["b"]),
        (
          ListLicensesRequest(
            productId: two.id,
            userEmail: "pat@studio.example",
            metadataKey: "seat",
            metadataValue: "2"
          ), ["c"]
        ),
        (ListLicensesRequest(createdAfter: made[1].createdAt), ["d", "c", "b"]),
        (ListLicensesRequest(createdBefore: made[1].createdAt), ["a"]),
        (
          ListLicensesRequest(
            createdAfter: made[1].createdAt,
            createdBefore: made[3].createdAt
          ), ["c", "b"]
        ),
        (ListLicensesRequest(createdAfter: -5, createdBefore: -1), []),
        (ListLicensesRequest(cursor: made[2].id, limit: 1), ["b"]),
        (ListLicensesRequest(cursor: made[3].id, productId: one.id), ["b", "a"]),
        (ListLicensesRequest(cursor: made[1].id, createdBefore: made[3].createdAt), ["a"]),
      ]
      for (request, expected) in wanted {
        #expect(try await names(fixture, request) == expected, "\(request)")
      }
      for stranger in fixture.strangers {
        let seen = try await fixture.client.listLicenses(
          ListLicensesRequest(metadataKey: "team", metadataValue: "red"),
          fixture.options(stranger)
        )
        #expect(seen.data.isEmpty)
      }
    }
  }

  /// The states as of now, whether or not a sweeper has been around.
  @Test @EventLoop func `a state is that of the moment, before and after the sweeper`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      let strategies: [(String, Policy.ExpirationStrategy)] = [
        ("restrict", .restrictAccess), ("allow", .allowAccess), ("revoke", .revoke),
      ]
      for (name, strategy) in strategies {
        _ = try await fixture.license(
          policy: {
            $0.expirationStrategy = strategy
            $0.durationDays = 1
          },
          { $0.name = name }
        )
      }
      let endless = try await fixture.license({ $0.name = "endless" })
      let suspended = try await fixture.license(
        policy: { $0.durationDays = 1 },
        { $0.name = "suspended" }
      )
      let banned = try await fixture.license({ $0.name = "banned" })
      let revoked = try await fixture.license({ $0.name = "revoked" })
      _ = try await client.suspendLicense(LicenseActionRequest(id: suspended.id), options)
      _ = try await client.banLicense(LicenseActionRequest(id: banned.id), options)
      _ = try await client.revokeLicense(LicenseActionRequest(id: revoked.id), options)
      func expect(_ states: [License.Status: [String]]) async throws {
        for (status, expected) in states {
          #expect(
            try await names(fixture, ListLicensesRequest(status: status)) == expected,
            "\(status)"
          )
          let found = try await client.listLicenses(
            ListLicensesRequest(limit: 1, status: status, productId: endless.productId),
            options
          )
          #expect(found.data.count == (status == .active ? 1 : 0))
        }
      }
      try await expect([
        .active: ["endless", "revoke", "allow", "restrict"], .suspended: ["suspended"],
        .expired: [], .revoked: ["revoked"], .banned: ["banned"],
      ])
      fixture.clock.advance(by: .seconds(86_400))
      let passed: [License.Status: [String]] = [
        .active: ["endless"], .suspended: ["suspended"], .expired: ["allow", "restrict"],
        .revoked: ["revoked", "revoke"], .banned: ["banned"],
      ]
      try await expect(passed)
      #expect(try await fixture.otherService().expirySweeper.sweep() == 3)
      try await expect(passed)
    }
  }

  @Test @EventLoop func `name and value of metadata are given together`() async throws {
    try await LicensesFixture.with { fixture in
      for (request, path) in [
        (ListLicensesRequest(metadataKey: "seat"), "metadataValue"),
        (ListLicensesRequest(metadataValue: "1"), "metadataKey"),
      ] {
        let fault = try await fault {
          try await fixture.client.listLicenses(request, fixture.options)
        }
        #expect(fault.reason == .validationError)
        #expect(fault.issues.map(\.path) == [[path]])
      }
    }
  }
}
