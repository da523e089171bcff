import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct PolicyChangeTests {
  @Test @EventLoop func `every field is changed, and only what is given`() async throws {
    try await LicensesFixture.with { fixture in
      let made = try await fixture.policy(of: try await fixture.product())
      let client = try fixture.client
      let unchanged = try await client.updatePolicy(
        UpdatePolicyRequest(id: made.id),
        fixture.options
      )
      #expect(unchanged == made)
      let changed = try await client.updatePolicy(
        UpdatePolicyRequest(
          id: made.id,
          name: "All",
          maxMachines: 7,
          maxUses: 8,
          floating: true,
          durationDays: 9,
          expirationStrategy: .revoke,
          requireHeartbeat: true,
          heartbeatIntervalMinutes: 10,
          heartbeatCullStrategy: .keepDead,
          requireFingerprint: false,
          fingerprintUniqueness: .perAccount,
          offlineAllowed: false,
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
      #expect(changed.maxMachines == 7)
      #expect(changed.template == made.template)
      let get = GetPolicyRequest(id: made.id)
      #expect(try await client.getPolicy(get, fixture.options) == changed)
      let nullable = [
        "maxMachines", "maxUses", "durationDays", "trialDurationDays", "maxUniqueFingerprints",
      ]
      let cleared = try await client.updatePolicy(
        UpdatePolicyRequest(id: made.id, allowUnlimitedActivations: true, presentNames: nullable),
        fixture.options
      )
      var expected = changed
      expected.maxMachines = nil
      expected.maxUses = nil
      expected.durationDays = nil
      expected.trialDurationDays = nil
      expected.maxUniqueFingerprints = nil
      #expect(cleared == expected)
      #expect(try await client.getPolicy(get, fixture.options) == expected)
      let lines = try await fixture.audited(made.id)
      #expect(
        lines.map(\.action) == ["policy.create"] + Array(repeating: "policy.update", count: 3)
      )
    }
  }

  @Test @EventLoop
  func `taking the limit of machines away needs consent, keeping it away does not`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let policy = try await fixture.policy(of: try await fixture.product())
      let unlimited = UpdatePolicyRequest(id: policy.id, presentNames: ["maxMachines"])
      for consent in [nil, false] {
        var request = unlimited
        request.allowUnlimitedActivations = consent
        let sent = request
        let fault = try await fault { try await fixture.client.updatePolicy(sent, fixture.options) }
        #expect(fault.issues.map(\.path) == [["maxMachines"]])
      }
      var request = unlimited
      request.allowUnlimitedActivations = true
      #expect(try await fixture.client.updatePolicy(request, fixture.options).maxMachines == nil)
      let renamed = try await fixture.client.updatePolicy(
        UpdatePolicyRequest(id: policy.id, name: "n"),
        fixture.options
      )
      #expect(renamed.maxMachines == nil)
    }
  }

  @Test @EventLoop func `all nulls that cannot be are told at once`() async throws {
    try await LicensesFixture.with { fixture in
      let policy = try await fixture.policy(of: try await fixture.product())
      let names = [
        "name", "floating", "expirationStrategy", "requireHeartbeat", "heartbeatIntervalMinutes",
        "heartbeatCullStrategy", "requireFingerprint", "fingerprintUniqueness", "offlineAllowed",
        "offlineMaxDays", "allowMachineTransfer", "isTrial", "overridable", "metadata",
      ]
      let fault = try await fault {
        try await fixture.client.updatePolicy(
          UpdatePolicyRequest(id: policy.id, presentNames: names),
          fixture.options
        )
      }
      #expect(fault.issues.map(\.path) == names.map { [$0] })
    }
  }

  @Test @EventLoop func `changes of different fields at once all hold`() async throws {
    try await LicensesFixture.with { fixture in
      let policy = try await fixture.policy(of: try await fixture.product())
      let client = try fixture.client
      let options = fixture.options
      for round in 1...8 as ClosedRange<Int32> {
        let requests = [
          UpdatePolicyRequest(id: policy.id, maxMachines: round),
          UpdatePolicyRequest(id: policy.id, maxUses: round),
          UpdatePolicyRequest(id: policy.id, durationDays: round),
        ]
        let changes = requests.map { request in
          EventLoop.spawn { try? await client.updatePolicy(request, options) }
        }
        for change in changes { #expect(await change.value != nil) }
        let got = try await client.getPolicy(GetPolicyRequest(id: policy.id), options)
        #expect([got.maxMachines, got.maxUses, got.durationDays] == [round, round, round])
      }
    }
  }

  @Test @EventLoop func `the policies of one product are listed`() async throws {
    try await LicensesFixture.with { fixture in
      let one = try await fixture.product("one")
      let wanted = try await fixture.policy(of: one)
      _ = try await fixture.policy(of: try await fixture.product("two"))
      let request = ListPoliciesRequest(productId: one.id)
      let listed = try await fixture.client.listPolicies(request, fixture.options)
      #expect(listed.data == [wanted])
      let nobodys = ListPoliciesRequest(productId: UUID.v7().description)
      #expect(try await fixture.client.listPolicies(nobodys, fixture.options).data == [])
    }
  }

  @Test @EventLoop func `a policy is deleted unless licenses are on it`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let taken = try await fault {
        try await fixture.client.deletePolicy(
          DeletePolicyRequest(id: license.policyId),
          fixture.options
        )
      }
      #expect(taken.reason == .conflict)
      let policy = try await fixture.policy(of: try await fixture.product())
      let request = DeletePolicyRequest(id: policy.id)
      for stranger in fixture.strangers {
        let fault = try await fault {
          try await fixture.client.deletePolicy(request, fixture.options(stranger))
        }
        #expect(fault.reason == .notFound)
      }
      _ = try await fixture.client.deletePolicy(request, fixture.options)
      let again = try await fault {
        try await fixture.client.deletePolicy(request, fixture.options)
      }
      #expect(again.reason == .notFound)
      let issue = CreateLicenseRequest(productId: policy.productId, policyId: policy.id)
      let fault = try await fault {
        try await fixture.client.createLicense(issue, fixture.options)
      }
      #expect(fault.reason == .referenceNotFound)
    }
  }
}
