import EventLoop
import Faults
import LicensesService
import Messages
import Primitives
import Stubs
import TestKit
import Testing

/// What issuing a license leaves behind beside the license.
@Suite(.onLoop) struct IssuingTests {
  @Test @EventLoop func `entitlements of its own are in effect with those of its policy`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let sso = try await fixture.entitlement("sso")
      let export = try await fixture.entitlement("export_pdf")
      _ = try await fixture.client.attachPolicyEntitlements(
        AttachmentRequest(id: policy.id, entitlementIds: [sso.id]),
        fixture.options
      )
      let made = try await fixture.client.createLicense(
        CreateLicenseRequest(
          productId: product.id,
          policyId: policy.id,
          entitlementIds: [export.id, export.id, sso.id]
        ),
        fixture.options
      )
      #expect(made.entitlements == ["export_pdf", "sso"])
      #expect(try await fixture.reread(made).entitlements == ["export_pdf", "sso"])
    }
  }

  @Test @EventLoop func `the audit log shows who made it, and no key`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license({ $0.name = "Studio seat" })
      let line = try #require(try await fixture.audited(license.id).first)
      #expect(line.action == "license.create")
      #expect(line.actor.kind == .apiKey)
      #expect(line.before == nil)
      let after = String(decoding: try #require(line.after), as: UTF8.self)
      #expect(after.contains("Studio seat"))
      #expect(!after.contains(try #require(license.key)))
    }
  }

  @Test @EventLoop func `its holder becomes a customer, once for all spellings`() async throws {
    try await LicensesFixture.with { fixture in
      for email in ["Pat@studio.example", "pat@STUDIO.example"] {
        _ = try await fixture.license({
          $0.userEmail = email
          $0.userName = "Pat Moreau"
        })
      }
      let customers = try await fixture.client.listCustomers(
        ListCustomersRequest(),
        fixture.options
      )
      #expect(customers.data.map(\.name) == ["Pat Moreau"])
      #expect(customers.data.map(\.licensesCount) == [2])
    }
  }

  @Test @EventLoop func `the same request again gets the same license and key`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let request = CreateLicenseRequest(productId: product.id, policyId: policy.id)
      let options = fixture.options(idempotencyKey: 1)
      let first = try await fixture.client.createLicense(request, options)
      let again = try await fixture.client.createLicense(request, options)
      #expect(again == first)
      #expect(again.key != nil)
      let other = try await fixture.client.createLicense(
        request,
        fixture.options(idempotencyKey: 2)
      )
      #expect(other.id != first.id)
      let products = try await fixture.client.listProducts(ListProductsRequest(), fixture.options)
      #expect(products.data.map(\.licensesCount) == [2])
    }
  }

  @Test @EventLoop func `an account's limit of active licenses holds, also under a race`()
    async throws
  {
    try await LicensesFixture.with(limits: PlanLimits(licensesMax: 3, productsMax: 1)) { fixture in
      let (product, policy) = try await fixture.catalogue()
      let client = try fixture.client
      let options = fixture.options
      let request = CreateLicenseRequest(productId: product.id, policyId: policy.id)
      let tasks = (0..<8).map { _ in
        EventLoop.spawn { () async -> Result<License, Fault> in
          do throws(Fault) {
            return .success(try await client.createLicense(request, options))
          } catch {
            return .failure(error)
          }
        }
      }
      var made: [License] = []
      for task in tasks {
        switch await task.value {
        case .success(let license): made.append(license)
        case .failure(let fault):
          #expect(fault.reason == .planLimitExceeded)
          #expect(fault.facts == [Fault.Fact("max", 3), Fault.Fact("current", 3)])
        }
      }
      #expect(made.count == 3)
      let bulk = try await fault {
        try await client.createLicenses(CreateLicensesRequest(licenses: [request]), options)
      }
      #expect(bulk.reason == .planLimitExceeded)
      // One that is not active any more makes room.
      _ = try await client.revokeLicense(LicenseActionRequest(id: made[0].id), options)
      _ = try await client.createLicense(request, options)
      let second = try await fault { try await fixture.product("second") }
      #expect(second.reason == .planLimitExceeded)
      // Another environment has a limit of its own.
      _ = try await fixture.product("second", prefix: nil, fixture.strangers[0])
    }
  }
}
