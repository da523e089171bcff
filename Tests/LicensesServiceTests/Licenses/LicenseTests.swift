import Cryptography
import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct LicenseTests {
  @Test @EventLoop func `a license is issued, and its key shown once`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product("atelier", prefix: "ATL")
      let policy = try await fixture.policy(of: product)
      let made = try await fixture.client.createLicense(
        CreateLicenseRequest(
          productId: product.id,
          policyId: policy.id,
          name: "Studio seat",
          maxMachinesOverride: 4,
          maxUsesOverride: 5,
          userEmail: "pat@studio.example",
          userName: "Pat Moreau",
          metadata: Array(#"{"seat": 1}"#.utf8)
        ),
        fixture.options
      )
      let key = try #require(made.key)
      #expect(key.contains(/^ATL(-[0-9A-HJKMNP-TV-Z]{4}){4}$/))
      #expect(made.status == .active)
      #expect(made.expiresAt == nil)
      #expect(made.usesCount == 0)
      #expect(made.machineCount == 0)
      #expect(made.policy == nil)
      #expect(made.createdAt == fixture.clock.now.milliseconds)

      let got = try await fixture.client.getLicense(
        GetLicenseRequest(id: made.id),
        fixture.options
      )
      #expect(got.key == nil)
      #expect(got.policy == policy)
      var expected = made
      expected.key = nil
      let listed = try await fixture.client.listLicenses(ListLicensesRequest(), fixture.options)
      #expect(listed.data == [expected])
      expected.policy = policy
      #expect(got == expected)
      let byKey = try await fixture.client.getLicenseByKey(
        GetLicenseByKeyRequest(key: key),
        fixture.options
      )
      #expect(byKey == got)
    }
  }

  @Test @EventLoop func `a key is found as people type it`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let key = try #require(license.key)
      let group = key.dropFirst(4)
      let typed = [
        key.lowercased(), "LIC-" + group.replacing("0", with: "O").replacing("1", with: "I"),
        "lic-" + group.replacing("0", with: "o").replacing("1", with: "l"),
      ]
      for text in typed {
        let found = try await fixture.client.getLicenseByKey(
          GetLicenseByKeyRequest(key: text),
          fixture.options
        )
        #expect(found.id == license.id)
      }
    }
  }

  @Test @EventLoop func `expiry is the policy's unless the request says`() async throws {
    try await LicensesFixture.with { fixture in
      let byPolicy = try await fixture.license(policy: { $0.durationDays = 30 })
      #expect(byPolicy.expiresAt == fixture.clock.now.milliseconds + 30 * 86_400_000)
      let given = try await fixture.license(
        policy: { $0.durationDays = 30 },
        { $0.expiresAt = 4_000_000_000_000 }
      )
      #expect(given.expiresAt == 4_000_000_000_000)
    }
  }

  @Test @EventLoop func `a license is shown in the state its expiry has brought`() async throws {
    try await LicensesFixture.with { fixture in
      let rows: [(Policy.ExpirationStrategy, License.Status)] = [
        (.restrictAccess, .expired), (.allowAccess, .expired), (.revoke, .revoked),
      ]
      for (strategy, status) in rows {
        let license = try await fixture.license(
          policy: {
            $0.expirationStrategy = strategy
            $0.durationDays = 1
          })
        let request = GetLicenseRequest(id: license.id)
        let before = try await fixture.client.getLicense(request, fixture.options)
        #expect(before.status == .active)
        fixture.clock.advance(by: .seconds(86_400))
        let after = try await fixture.client.getLicense(request, fixture.options)
        #expect(after.status == status)
        #expect(after.revokedAt == (status == .revoked ? license.expiresAt : nil))
        let listed = try await fixture.client.listLicenses(
          ListLicensesRequest(limit: 1),
          fixture.options
        )
        #expect(listed.data.first?.status == status)
      }
    }
  }

  @Test @EventLoop func `a policy that is not overridable admits no limits of a license`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      for change: @Sendable (inout CreateLicenseRequest) -> Void in [
        { $0.maxMachinesOverride = 1 }, { $0.maxUsesOverride = 1 },
      ] {
        let fault = try await fault {
          try await fixture.license(policy: { $0.overridable = false }, change)
        }
        #expect(fault.reason == .businessRuleViolation)
      }
      _ = try await fixture.license(policy: { $0.overridable = false })
    }
  }

  @Test @EventLoop func `what a license refers to must be there, and fit`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product("one")
      let policy = try await fixture.policy(of: product)
      let other = try await fixture.product("two")
      let absent = UUID.v7().description
      let rows: [(CreateLicenseRequest, Fault.Reason)] = [
        (CreateLicenseRequest(productId: absent, policyId: policy.id), .referenceNotFound),
        (CreateLicenseRequest(productId: product.id, policyId: absent), .referenceNotFound),
        (CreateLicenseRequest(productId: other.id, policyId: policy.id), .businessRuleViolation),
        (
          CreateLicenseRequest(
            productId: product.id,
            policyId: policy.id,
            entitlementIds: [absent]
          ),
          .referenceNotFound
        ),
      ]
      for (request, reason) in rows {
        let fault = try await fault {
          try await fixture.client.createLicense(request, fixture.options)
        }
        #expect(fault.reason == reason)
        #expect(fault.code == .failedPrecondition)
      }
      let good = CreateLicenseRequest(productId: product.id, policyId: policy.id)
      for stranger in fixture.strangers {
        let fault = try await fault {
          try await fixture.client.createLicense(good, fixture.options(stranger))
        }
        #expect(fault.reason == .referenceNotFound)
      }
      let listed = try await fixture.client.listLicenses(ListLicensesRequest(), fixture.options)
      #expect(listed.data.isEmpty)
    }
  }

  /// An input and the field that is refused.
  struct Refusal: Sendable, CustomTestStringConvertible {
    var path: [String]
    var change: @Sendable (inout CreateLicenseRequest) -> Void
    var testDescription: String { path.joined(separator: ".") }
  }

  @Test(arguments: [
    Refusal(path: ["productId"]) { $0.productId = "x" },
    Refusal(path: ["policyId"]) { $0.policyId = "" },
    Refusal(path: ["name"]) { $0.name = String(repeating: "n", count: 256) },
    Refusal(path: ["maxMachinesOverride"]) { $0.maxMachinesOverride = 0 },
    Refusal(path: ["maxUsesOverride"]) { $0.maxUsesOverride = -5 },
    Refusal(path: ["userEmail"]) { $0.userEmail = "nobody" },
    Refusal(path: ["userName"]) { $0.userName = String(repeating: "n", count: 256) },
    Refusal(path: ["entitlementIds", "0"]) { $0.entitlementIds = ["x"] },
    Refusal(path: ["expiresAt"]) { $0.expiresAt = .max },
    Refusal(path: ["expiresAt"]) { $0.expiresAt = 1_000_000_000_000 },
  ])
  @EventLoop func `a bad field is named`(refusal: Refusal) async throws {
    try await LicensesFixture.with { fixture in
      let fault = try await fault { try await fixture.license(refusal.change) }
      #expect(fault.reason == .validationError)
      #expect(fault.issues.map(\.path) == [refusal.path])
    }
  }

  @Test @EventLoop func `another tenant's license is not there, by id or by key`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let key = try #require(license.key)
      for stranger in fixture.strangers {
        let options = fixture.options(stranger)
        let byID = try await fault {
          try await fixture.client.getLicense(GetLicenseRequest(id: license.id), options)
        }
        #expect(byID.message == "License not found: \(license.id)")
        let byKey = try await fault {
          try await fixture.client.getLicenseByKey(GetLicenseByKeyRequest(key: key), options)
        }
        #expect(byKey.reason == .notFound)
        #expect(!byKey.message.contains(key))
        #expect(try await fixture.client.listLicenses(ListLicensesRequest(), options).data.isEmpty)
      }
    }
  }
}
