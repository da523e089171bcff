import EventLoop
import Faults
import Messages
import Postgres
import Stubs
import TestKit
import Testing

/// Two services on one database, as two processes would be, and everybody at once: a limit is never passed by one.
@Suite(.onLoop) struct SeatRaceTests {
  @Test(arguments: [false, true])
  @EventLoop func `200 activations get exactly the five seats there are`(floating: Bool)
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.maxMachines = 5
        $0.floating = floating
      })
      try await fixture.withSecondService { second, _ in
        let clients = [try fixture.client, second]
        let options = fixture.holder(license)
        let outcomes = await atOnce(200) { index in
          try await clients[index % 2].activateMachine(
            ActivateMachineRequest(fingerprint: "machine-\(index)"),
            options
          )
        }
        #expect(outcomes.reasons.count == 195)
        let reason = floating ? Fault.Reason.floatingLimitExceeded : .machineLimitExceeded
        #expect(outcomes.reasons.allSatisfy { $0 == reason })
      }
      #expect(try await fixture.reread(license).machineCount == 5)
      #expect(try await fixture.count("select count(*) from licenses.machines") == 5)
      let events = try await fixture.events(of: license)
      #expect(events.filter { $0 == "machine.activated" }.count == 5)
      #expect(events.filter { $0 == "license.limit_reached" }.count == 195)
      #expect(try await fixture.audited().filter { $0.action == "machine.activate" }.count == 5)
    }
  }

  @Test @EventLoop func `one machine that asks many times at once is one machine`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxMachines = 5 })
      try await fixture.withSecondService { second, _ in
        let clients = [try fixture.client, second]
        let options = fixture.holder(license)
        let outcomes = await atOnce(60) { index in
          try await clients[index % 2].activateMachine(
            ActivateMachineRequest(fingerprint: "machine-1"),
            options
          )
        }
        #expect(Set(outcomes.map { try? $0.get().id }).count == 1)
        #expect(outcomes.reasons.isEmpty)
      }
      #expect(try await fixture.events(of: license) == ["license.created", "machine.activated"])
    }
  }

  @Test @EventLoop func `no more different machines than allowed, also when they come at once`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.template = .custom
        $0.allowUnlimitedActivations = true
        $0.maxUniqueFingerprints = 5
      })
      try await fixture.withSecondService { second, _ in
        let clients = [try fixture.client, second]
        let options = fixture.holder(license)
        let outcomes = await atOnce(100) { index in
          try await clients[index % 2].activateMachine(
            ActivateMachineRequest(fingerprint: "machine-\(index)"),
            options
          )
        }
        #expect(outcomes.reasons.count == 95)
        #expect(outcomes.reasons.allSatisfy { $0 == .businessRuleViolation })
      }
      #expect(try await fixture.count("select count(*) from licenses.license_fingerprints") == 5)
      #expect(try await fixture.events(of: license).count == 101)
    }
  }

  /// Each asks under another license's lock, so only the fingerprint's own lock and index stand between.
  @Test @EventLoop func `one machine asked for by many licenses of an account goes to one`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      var licenses: [License] = []
      for scope in [Policy.FingerprintUniqueness.perAccount, .perLicense, .perPolicy] {
        for scope in [scope, .perAccount] {
          let license = try await fixture.license(policy: {
            $0.maxMachines = 9
            $0.fingerprintUniqueness = scope
          })
          licenses.append(license)
        }
      }
      try await fixture.withSecondService { second, _ in
        let clients = [try fixture.client, second]
        let all = licenses.map { fixture.holder($0) }
        for round in 0..<5 {
          let outcomes = await atOnce(all.count) { index in
            try await clients[index % 2].activateMachine(
              ActivateMachineRequest(fingerprint: "machine-\(round)"),
              all[index]
            )
          }
          #expect(outcomes.reasons.allSatisfy { $0 == .conflict })
          let scopes = try await fixture.count(
            """
            select count(*) from licenses.machines m where m.fingerprint = \("machine-\(round)")
              and m.unique_within = m.account_id
            """
          )
          let machines = all.count - outcomes.reasons.count
          // Either one of the account's, alone, or any of those that do not mind each other.
          #expect(scopes == 1 ? machines == 1 : machines >= 1 && scopes == 0)
        }
      }
    }
  }

  @Test @EventLoop func `floating seats are acquired at once by as many as there are`() async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.floating = true
        $0.maxMachines = 5
      })
      try await fixture.withSecondService { second, _ in
        let clients = [try fixture.client, second]
        let options = fixture.holder(license)
        let outcomes = await atOnce(100) { index in
          try await clients[index % 2].acquireLicense(
            AcquireLicenseRequest(fingerprint: "machine-\(index)"),
            options
          )
        }
        let answers = try outcomes.map { try $0.get() }
        #expect(answers.filter(\.valid).count == 5)
        #expect(answers.filter { $0.code == .machineLimitExceeded }.count == 95)
        #expect(
          answers.filter(\.valid).allSatisfy { $0.machine != nil && $0.leaseExpiresAt != nil }
        )
      }
      let seen = try await fixture.reread(license)
      #expect(seen.machineCount == 5)
      #expect(seen.usesCount == 5)
      let events = try await fixture.events(of: license)
      #expect(events.filter { $0 == "license.activated" }.count == 1)
      #expect(events.count == 102)
    }
  }
}
