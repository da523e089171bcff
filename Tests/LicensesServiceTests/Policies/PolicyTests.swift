import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct PolicyTests {
  @Test @EventLoop func `every field is kept as it was sent`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      let made = try await fixture.client.createPolicy(
        CreatePolicyRequest(
          productId: product.id,
          name: "All",
          template: .saas,
          maxMachines: 7,
          maxUses: 8,
          floating: false,
          durationDays: 9,
          expirationStrategy: .revoke,
          requireHeartbeat: false,
          heartbeatIntervalMinutes: 10,
          heartbeatCullStrategy: .keepDead,
          requireFingerprint: true,
          fingerprintUniqueness: .perAccount,
          offlineAllowed: true,
          offlineMaxDays: 11,
          allowMachineTransfer: true,
          isTrial: true,
          trialDurationDays: 12,
          overridable: false,
          maxUniqueFingerprints: 13,
          metadata: Array(#"{"a": [1]}"#.utf8)
        ),
        fixture.options
      )
      #expect(made.template == .saas)
      #expect(made.maxMachines == 7)
      #expect(made.maxUniqueFingerprints == 13)
      let got = try await fixture.client.getPolicy(GetPolicyRequest(id: made.id), fixture.options)
      #expect(got == made)
      let listed = try await fixture.client.listPolicies(ListPoliciesRequest(), fixture.options)
      #expect(listed.data == [made])
    }
  }

  @Test @EventLoop func `what can be null stays null`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      let made = try await fixture.client.createPolicy(
        CreatePolicyRequest(
          productId: product.id,
          name: "None",
          allowUnlimitedActivations: true
        ),
        fixture.options
      )
      let got = try await fixture.client.getPolicy(GetPolicyRequest(id: made.id), fixture.options)
      #expect(got == made)
      #expect(got.template == nil)
      #expect(got.maxMachines == nil)
      #expect(got.maxUses == nil)
      #expect(got.durationDays == nil)
      #expect(got.trialDurationDays == nil)
      #expect(got.maxUniqueFingerprints == nil)
    }
  }

  @Test @EventLoop func `a product that is not there, or another tenant's, is no reference`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      let foreign = CreatePolicyRequest(productId: product.id, name: "n", maxMachines: 1)
      for stranger in fixture.strangers {
        let fault = try await fault {
          try await fixture.client.createPolicy(foreign, fixture.options(stranger))
        }
        #expect(fault.reason == .referenceNotFound)
      }
      let absent = CreatePolicyRequest(
        productId: UUID.v7().description,
        name: "n",
        maxMachines: 1
      )
      let fault = try await fault { try await fixture.client.createPolicy(absent, fixture.options) }
      #expect(fault.reason == .referenceNotFound)
      #expect(fault.code == .failedPrecondition)
    }
  }

  /// An input and the field that is refused.
  struct Refusal: Sendable, CustomTestStringConvertible {
    var path: String
    var change: @Sendable (inout CreatePolicyRequest) -> Void
    var testDescription: String { path }
  }

  @Test(arguments: [
    Refusal(path: "productId") { $0.productId = "1" },
    Refusal(path: "name") { $0.name = "" },
    Refusal(path: "maxMachines") { $0.maxMachines = 0 },
    Refusal(path: "maxMachines") { $0.maxMachines = nil },
    Refusal(path: "maxUses") { $0.maxUses = -1 },
    Refusal(path: "durationDays") { $0.durationDays = 0 },
    Refusal(path: "durationDays") { $0.durationDays = 365_001 },
    Refusal(path: "heartbeatIntervalMinutes") { $0.heartbeatIntervalMinutes = 0 },
    Refusal(path: "offlineMaxDays") { $0.offlineMaxDays = 0 },
    Refusal(path: "trialDurationDays") { $0.trialDurationDays = 0 },
    Refusal(path: "maxUniqueFingerprints") { $0.maxUniqueFingerprints = 0 },
  ])
  @EventLoop func `a bad field is named`(refusal: Refusal) async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      var request = CreatePolicyRequest(productId: product.id, name: "n", maxMachines: 1)
      refusal.change(&request)
      let sent = request
      let fault = try await fault { try await fixture.client.createPolicy(sent, fixture.options) }
      #expect(fault.reason == .validationError)
      #expect(fault.issues.map(\.path) == [[refusal.path]])
    }
  }

  @Test @EventLoop func `another tenant's policy is not there`() async throws {
    try await LicensesFixture.with { fixture in
      let policy = try await fixture.policy(of: try await fixture.product())
      for stranger in fixture.strangers {
        let options = fixture.options(stranger)
        let fault = try await fault {
          try await fixture.client.getPolicy(GetPolicyRequest(id: policy.id), options)
        }
        #expect(fault.reason == .notFound)
        #expect(try await fixture.client.listPolicies(ListPoliciesRequest(), options).data.isEmpty)
      }
    }
  }
}
