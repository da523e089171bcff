import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

private let interval = Duration.seconds(60 * 60)

@Suite(.onLoop) struct HeartbeatTests {
  @Test @EventLoop func `a machine is not started, alive, and dead when it is silent too long`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.requireHeartbeat = true })
      let made = try await fixture.activate(license, "machine-1")
      #expect(made.heartbeatStatus == .notStarted)
      #expect(made.heartbeatDueAt == (fixture.clock.now + interval).milliseconds)
      let request = MachineRequest(id: made.id)
      fixture.clock.advance(by: .seconds(600))
      let beaten = try await fixture.client.heartbeatMachine(request, fixture.holder(license))
      #expect(beaten.heartbeatStatus == .alive)
      #expect(beaten.lastHeartbeatAt == fixture.clock.now.milliseconds)
      #expect(beaten.heartbeatDueAt == (fixture.clock.now + interval).milliseconds)
      #expect(beaten.updatedAt == made.updatedAt)
      func status() async throws -> Machine.HeartbeatStatus {
        try await fixture.client.getMachine(GetMachineRequest(id: made.id), fixture.options)
          .heartbeatStatus
      }
      fixture.clock.advance(by: interval)
      #expect(try await status() == .alive)
      fixture.clock.advance(by: .milliseconds(1))
      #expect(try await status() == .dead)
      #expect(try await fixture.validate(license, "machine-1").code == .heartbeatRequired)
      // With an API key as well.
      let revived = try await fixture.client.heartbeatMachine(request, fixture.options)
      #expect(revived.heartbeatStatus == .alive)
      #expect(try await fixture.validate(license, "machine-1").code == .valid)
      // Neither a line in the audit log nor an event.
      #expect(try await fixture.audited().map(\.action).filter { $0.contains("beat") } == [])
      let events = try await fixture.events(of: license)
      #expect(events == ["license.created", "machine.activated", "license.activated"])
    }
  }

  @Test @EventLoop func `a heartbeat that is sent again under its key gets the same answer`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.requireHeartbeat = true })
      let request = MachineRequest(id: try await fixture.activate(license, "machine-1").id)
      let options = fixture.holder(license, idempotencyKey: 1)
      let first = try await fixture.client.heartbeatMachine(request, options)
      fixture.clock.advance(by: .seconds(60))
      #expect(try await fixture.client.heartbeatMachine(request, options) == first)
      let other = fixture.holder(license, idempotencyKey: 2)
      #expect(try await fixture.client.heartbeatMachine(request, other) != first)
      let changed = fixture.holder(license, idempotencyKey: 1, requestHash: 1)
      let refused = try await fault {
        try await fixture.client.heartbeatMachine(request, changed)
      }
      #expect(refused.reason == .conflict)
    }
  }

  @Test @EventLoop func `where nothing is wanted, a heartbeat is noted and nothing is due`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let made = try await fixture.activate(license, "machine-1")
      let beaten = try await fixture.client.heartbeatMachine(
        MachineRequest(id: made.id),
        fixture.holder(license)
      )
      #expect(beaten.heartbeatStatus == .alive)
      #expect(beaten.heartbeatDueAt == nil)
    }
  }

  @Test @EventLoop func `a license in a bad state admits no heartbeat, but for allowed access`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let rows: [(Policy.ExpirationStrategy, Fault.Reason?)] = [
        (.restrictAccess, .licenseExpired), (.revoke, .licenseRevoked), (.allowAccess, nil),
      ]
      for (strategy, reason) in rows {
        let license = try await fixture.license(policy: {
          $0.expirationStrategy = strategy
          $0.durationDays = 1
        })
        let made = try await fixture.activate(license, "machine-1")
        fixture.clock.advance(by: .seconds(86_400))
        for options in [fixture.holder(license), fixture.options] {
          let beat: @EventLoop () async throws -> Machine = {
            try await fixture.client.heartbeatMachine(MachineRequest(id: made.id), options)
          }
          if let reason {
            #expect(try await fault(beat).reason == reason)
          } else {
            #expect(try await beat().heartbeatStatus == .alive)
          }
        }
      }
    }
  }

  @Test @EventLoop func `many heartbeats at once each get their own machine`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.maxMachines = 40
        $0.requireHeartbeat = true
      })
      var machines: [Machine] = []
      for index in 0..<40 {
        machines.append(try await fixture.activate(license, "machine-\(index)"))
      }
      let all = machines
      let client = try fixture.client
      let options = [fixture.holder(license), fixture.options]
      let absent = UUID.v7().description
      let outcomes = await atOnce(400) { index in
        let id = index % 10 == 9 ? absent : all[index % 40].id
        return try await client.heartbeatMachine(MachineRequest(id: id), options[index % 2])
      }
      for (index, outcome) in outcomes.enumerated() {
        if index % 10 == 9 {
          #expect(throws: Fault.self) { try outcome.get() }
        } else {
          #expect(try outcome.get().id == all[index % 40].id)
        }
      }
    }
  }
}
