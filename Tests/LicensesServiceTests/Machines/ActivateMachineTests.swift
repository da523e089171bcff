import EventLoop
import Faults
import HTTP
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct ActivateMachineTests {
  @Test @EventLoop func `a machine is activated with the license's key`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let (machine, trailers): (Machine, Metadata) = try await fixture.rpc.channel(as: "gateway")
        .unaryWithTrailers(
          LicensesMethods.activateMachine,
          ActivateMachineRequest(
            fingerprint: "atelier-machine-1",
            name: "atelier-01",
            platform: .linux,
            hostname: "atelier",
            cores: 8,
            metadata: Array(#"{"room": 2}"#.utf8)
          ),
          fixture.holder(license)
        )
      #expect(trailers["latchkey-status"] == nil)
      #expect(machine.licenseId == license.id)
      #expect(machine.fingerprint == "atelier-machine-1")
      #expect(machine.name == "atelier-01")
      #expect(machine.platform == .linux)
      #expect(machine.cores == 8)
      #expect(machine.ipAddress == "203.0.113.9")
      #expect(machine.heartbeatStatus == .notStarted)
      #expect(machine.heartbeatDueAt == nil)
      #expect(machine.lastHeartbeatAt == nil)
      #expect(machine.createdAt == fixture.clock.now.milliseconds)
      let got = try await fixture.client.getMachine(
        GetMachineRequest(id: machine.id),
        fixture.options
      )
      #expect(got == machine)
      #expect(try await fixture.reread(license).machineCount == 1)
      #expect(try await fixture.events(of: license) == ["license.created", "machine.activated"])
      let audited = try #require(try await fixture.audited().last)
      #expect(audited.action == "machine.activate")
      #expect(audited.resourceId == machine.id)
      #expect(audited.actor == .init(kind: .licenseKey, id: license.id))
    }
  }

  /// The SDK repeats a POST when its connection was lost: that must not take a second seat.
  @Test @EventLoop func `the same fingerprint again is the same machine, with 200`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxMachines = 1 })
      let first = try await fixture.activate(license, "atelier-machine-1")
      let (second, trailers): (Machine, Metadata) = try await fixture.rpc.channel(as: "gateway")
        .unaryWithTrailers(
          LicensesMethods.activateMachine,
          ActivateMachineRequest(fingerprint: "atelier-machine-1", name: "another name"),
          fixture.holder(license)
        )
      #expect(second == first)
      #expect(trailers["latchkey-status"] == "200")
      #expect(try await fixture.events(of: license) == ["license.created", "machine.activated"])
      // Upper and lower case differ.
      let fault = try await fault { try await fixture.activate(license, "Atelier-machine-1") }
      #expect(fault.reason == .machineLimitExceeded)
    }
  }

  @Test @EventLoop func `beyond the limit there is no seat, and the event tells`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxMachines = 2 })
      for name in ["machine-1", "machine-2"] { try await fixture.activate(license, name) }
      let refused = try await fault { try await fixture.activate(license, "machine-3") }
      #expect(refused.reason == .machineLimitExceeded)
      #expect(refused.facts == [.init("max", 2), .init("current", 2)])
      let first = try await fixture.client.listMachines(
        ListMachinesRequest(fingerprint: "machine-1"),
        fixture.options
      ).data[0]
      _ = try await fixture.client.deactivateMachine(
        MachineRequest(id: first.id),
        fixture.holder(license)
      )
      try await fixture.activate(license, "machine-3")
      #expect(
        try await fixture.events(of: license) == [
          "license.created", "machine.activated", "machine.activated", "license.limit_reached",
          "machine.deactivated", "machine.activated",
        ]
      )
    }
  }

  @Test @EventLoop func `a limit of the license's own replaces the policy's`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(
        policy: { $0.maxMachines = 2 },
        { $0.maxMachinesOverride = 1 }
      )
      try await fixture.activate(license, "machine-1")
      let refused = try await fault { try await fixture.activate(license, "machine-2") }
      #expect(refused.facts == [.init("max", 1), .init("current", 1)])
      let unlimited = try await fixture.license(policy: {
        $0.template = .custom
        $0.allowUnlimitedActivations = true
      })
      for index in 0..<20 { try await fixture.activate(unlimited, "machine-\(index)") }
    }
  }

  @Test @EventLoop func `an API key names the license, a license key needs not`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let other = try await fixture.license()
      let client = try fixture.client
      let request = ActivateMachineRequest(fingerprint: "machine-1", licenseId: license.id)
      #expect(try await client.activateMachine(request, fixture.options).licenseId == license.id)
      let own = try await client.activateMachine(request, fixture.holder(license))
      #expect(own.licenseId == license.id)

      let unnamed = try await fault {
        try await client.activateMachine(
          ActivateMachineRequest(fingerprint: "machine-2"),
          fixture.options
        )
      }
      #expect(unnamed.issues.map(\.path) == [["licenseId"]])
      let foreign = try await fault {
        try await client.activateMachine(request, fixture.holder(other))
      }
      #expect(foreign.issues.map(\.path) == [["licenseId"]])
      for stranger in fixture.strangers {
        let absent = try await fault {
          try await client.activateMachine(request, fixture.options(stranger))
        }
        #expect(absent.reason == .referenceNotFound)
      }
    }
  }

  @Test @EventLoop func `a key that no license has is no credential`() async throws {
    try await LicensesFixture.with { fixture in
      var license = try await fixture.license()
      license.key = "LIC-0000-0000-0000-0000"
      let id = UUID.v7().description
      let client = try fixture.client
      let options = fixture.holder(license)
      let calls: [@EventLoop () async throws -> Void] = [
        { _ = try await fixture.activate(license, "machine-1") },
        { _ = try await fixture.acquire(license, "machine-1") },
        {
          _ = try await client.releaseLicense(
            ReleaseLicenseRequest(fingerprint: "machine-1"),
            options
          )
        },
        { _ = try await client.heartbeatMachine(MachineRequest(id: id), options) },
        { _ = try await client.deactivateMachine(MachineRequest(id: id), options) },
        { _ = try await client.updateMachine(UpdateMachineRequest(id: id), options) },
      ]
      for call in calls {
        let fault = try await fault(call)
        #expect(fault.code == .unauthenticated)
        #expect(fault.reason == .unauthorized)
      }
    }
  }

  @Test @EventLoop func `a license in a bad state activates nothing, but for allowed access`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let suspended = try await fixture.license()
      _ = try await fixture.client.suspendLicense(
        LicenseActionRequest(id: suspended.id),
        fixture.options
      )
      let rows: [(Policy.ExpirationStrategy, Fault.Reason?)] = [
        (.restrictAccess, .licenseExpired), (.revoke, .licenseRevoked), (.allowAccess, nil),
      ]
      let refused = try await fault { try await fixture.activate(suspended, "machine-1") }
      #expect(refused.reason == .licenseSuspended)
      for (strategy, reason) in rows {
        let license = try await fixture.license(
          policy: { $0.expirationStrategy = strategy },
          { $0.expiresAt = 1_000_000_000_000 }
        )
        if let reason {
          let refused = try await fault { try await fixture.activate(license, "machine-1") }
          #expect(refused.reason == reason)
        } else {
          try await fixture.activate(license, "machine-1")
        }
      }
    }
  }

  /// Within which licenses a machine may be active once, and the second license that asks for it.
  @Test(arguments: [
    (Policy.FingerprintUniqueness.perLicense, false, false),
    (.perPolicy, true, false), (.perAccount, true, true),
  ])
  @EventLoop func `a fingerprint is unique within its scope`(
    scope: Policy.FingerprintUniqueness,
    refusedInPolicy: Bool,
    refusedInAccount: Bool
  ) async throws {
    try await LicensesFixture.with { fixture in
      let first = try await fixture.license(policy: { $0.fingerprintUniqueness = scope })
      let samePolicy = try await fixture.client.createLicense(
        CreateLicenseRequest(productId: first.productId, policyId: first.policyId),
        fixture.options
      )
      // Its own policy admits a machine of others, but the first one's may not.
      let elsewhere = try await fixture.license(policy: { $0.fingerprintUniqueness = .perLicense })
      let machine = try await fixture.activate(first, "machine-1")
      for (license, isRefused) in [(samePolicy, refusedInPolicy), (elsewhere, refusedInAccount)] {
        guard isRefused else {
          try await fixture.activate(license, "machine-1")
          continue
        }
        let refused = try await fault { try await fixture.activate(license, "machine-1") }
        #expect(refused.reason == .conflict)
        #expect(try await fixture.events(of: license) == ["license.created"])
      }
      _ = try await fixture.client.deactivateMachine(
        MachineRequest(id: machine.id),
        fixture.options
      )
      try await fixture.activate(samePolicy, "machine-1")
    }
  }

  @Test @EventLoop func `a license has no more different machines than its policy allows in all`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.maxMachines = 5
        $0.maxUniqueFingerprints = 2
      })
      for name in ["machine-1", "machine-2"] {
        let machine = try await fixture.activate(license, name)
        _ = try await fixture.client.deactivateMachine(
          MachineRequest(id: machine.id),
          fixture.holder(license)
        )
      }
      let refused = try await fault { try await fixture.activate(license, "machine-3") }
      #expect(refused.reason == .businessRuleViolation)
      #expect(refused.facts == [.init("max", 2), .init("current", 2)])
      // One that was there before may come back.
      try await fixture.activate(license, "machine-1")
      #expect(try await fixture.events(of: license).contains("license.limit_reached"))
    }
  }

  @Test @EventLoop
  func `an Idempotency-Key gets the same answer, and another request is a conflict`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxMachines = 5 })
      let options = fixture.holder(license, idempotencyKey: 1)
      let request = ActivateMachineRequest(fingerprint: "machine-1")
      let first = try await fixture.client.activateMachine(request, options)
      fixture.clock.advance(by: .seconds(60))
      #expect(try await fixture.client.activateMachine(request, options) == first)
      let other = fixture.holder(license, idempotencyKey: 1, requestHash: 9)
      let conflict = try await fault { try await fixture.client.activateMachine(request, other) }
      #expect(conflict.reason == .conflict)
      #expect(try await fixture.reread(license).machineCount == 1)
    }
  }

  @Test(arguments: [
    (ActivateMachineRequest(fingerprint: "short"), ["fingerprint"]),
    (ActivateMachineRequest(fingerprint: String(repeating: "f", count: 257)), ["fingerprint"]),
    (
      ActivateMachineRequest(fingerprint: "machine-1", name: String(repeating: "n", count: 256)),
      ["name"]
    ),
    (
      ActivateMachineRequest(
        fingerprint: "machine-1",
        hostname: String(repeating: "n", count: 256)
      ),
      ["hostname"]
    ),
    (ActivateMachineRequest(fingerprint: "machine-1", cores: 0), ["cores"]),
    (ActivateMachineRequest(fingerprint: "machine-1", metadata: Array("[]".utf8)), ["metadata"]),
    (
      ActivateMachineRequest(fingerprint: "machine-1", metadata: Array(#"{"a": "\u0000"}"#.utf8)),
      ["metadata"]
    ),
    (ActivateMachineRequest(fingerprint: "machine-1", licenseId: "x"), ["licenseId"]),
  ])
  @EventLoop func `a bad field is named`(request: ActivateMachineRequest, path: [String])
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let fault = try await fault {
        try await fixture.client.activateMachine(request, fixture.holder(license))
      }
      #expect(fault.reason == .validationError)
      #expect(fault.issues.map(\.path) == [path])
      #expect(try await fixture.reread(license).machineCount == 0)
    }
  }
}
