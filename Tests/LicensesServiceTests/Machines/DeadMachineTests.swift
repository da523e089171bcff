import EventLoop
import Faults
import LicensesService
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

private let interval = Duration.seconds(60 * 60)

@Suite(.onLoop) struct DeadMachineTests {
  @Test(arguments: [false, true])
  @EventLoop func `a dead machine is removed, which frees its seat`(floating: Bool) async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.floating = floating
        $0.requireHeartbeat = !floating
        $0.maxMachines = 2
      })
      let silent = try await fixture.activate(license, "machine-1")
      let loud = try await fixture.activate(license, "machine-2")
      fixture.clock.advance(by: .seconds(600))
      let request = MachineRequest(id: loud.id)
      _ = try await fixture.client.heartbeatMachine(request, fixture.holder(license))
      fixture.clock.advance(by: interval - .seconds(600))
      try await fixture.service.buryDeadMachines()
      #expect(try await fixture.reread(license).machineCount == 2)
      fixture.clock.advance(by: .milliseconds(1))
      try await fixture.service.buryDeadMachines()
      try await fixture.service.buryDeadMachines()
      #expect(try await fixture.reread(license).machineCount == 1)
      let left = try await fixture.client.listMachines(ListMachinesRequest(), fixture.options)
      #expect(left.data.map(\.id) == [loud.id])
      #expect(
        try await fixture.events(of: license) == [
          "license.created", "machine.activated", "machine.activated", "machine.dead",
          "machine.deactivated",
        ]
      )
      let line = try #require(try await fixture.audited().last)
      #expect(line.action == "machine.deactivate")
      #expect(line.actor.kind == .service)
      #expect(line.resourceId == silent.id)
    }
  }

  /// What webhooks choose events of machines by: the machine itself says neither.
  @Test @EventLoop func `every event of a machine carries its license's product and metadata`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(
        policy: { $0.requireHeartbeat = true },
        { $0.metadata = Array(#"{"tier": "gold"}"#.utf8) }
      )
      let left = try await fixture.activate(license, "machine-1")
      _ = try await fixture.client.deactivateMachine(
        MachineRequest(id: left.id),
        fixture.options
      )
      try await fixture.activate(license, "machine-2")
      fixture.clock.advance(by: interval + .milliseconds(1))
      try await fixture.service.buryDeadMachines()
      let rows = try await fixture.test.open().read(
        """
        select type, license_id, product_id, license_metadata::text from events.outbox
        where type like 'machine.%' order by sequence
        """
      )
      var types: [String] = []
      for row in rows {
        types.append(try row.value(0))
        #expect(try row.value(1) == UUID(license.id))
        #expect(try row.value(2) == UUID(license.productId))
        #expect(try row.value(3) as String == #"{"tier": "gold"}"#)
      }
      #expect(
        types == [
          "machine.activated", "machine.deactivated", "machine.activated", "machine.dead",
          "machine.deactivated",
        ]
      )
    }
  }

  @Test @EventLoop func `a dead machine that is kept is told of once, and a heartbeat revives it`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.requireHeartbeat = true
        $0.heartbeatCullStrategy = .keepDead
        $0.maxMachines = 1
      })
      let machine = try await fixture.activate(license, "machine-1")
      let told = ["license.created", "machine.activated", "machine.dead"]
      fixture.clock.advance(by: interval + .milliseconds(1))
      for _ in 0..<2 { try await fixture.service.buryDeadMachines() }
      #expect(try await fixture.events(of: license) == told)
      #expect(try await fixture.reread(license).machineCount == 1)
      let kept = try await fixture.client.getMachine(
        GetMachineRequest(id: machine.id),
        fixture.options
      )
      #expect(kept.heartbeatStatus == .dead)
      // Its seat stays taken.
      let refused = try await fault { try await fixture.activate(license, "machine-2") }
      #expect(refused.reason == .machineLimitExceeded)
      let revived = try await fixture.client.heartbeatMachine(
        MachineRequest(id: machine.id),
        fixture.holder(license)
      )
      #expect(revived.heartbeatStatus == .alive)
      fixture.clock.advance(by: interval + .milliseconds(1))
      try await fixture.service.buryDeadMachines()
      let events = try await fixture.events(of: license)
      #expect(events == told + ["license.limit_reached", "machine.dead"])
    }
  }

  @Test @EventLoop func `two sweepers at once tell of each machine once`() async throws {
    try await LicensesFixture.with { fixture in
      var licenses: [License] = []
      for _ in 0..<4 {
        let license = try await fixture.license(policy: {
          $0.floating = true
          $0.maxMachines = 10
        })
        for index in 0..<5 { try await fixture.activate(license, "machine-\(index)") }
        licenses.append(license)
      }
      fixture.clock.advance(by: interval + .milliseconds(1))
      try await fixture.withSecondService { _, second in
        let services = [fixture.service, second]
        let outcomes = await atOnce(8) { index in try await services[index % 2].buryDeadMachines() }
        for outcome in outcomes { try outcome.get() }
      }
      for license in licenses {
        let events = try await fixture.events(of: license)
        #expect(events.filter { $0 == "machine.dead" }.count == 5)
        #expect(events.filter { $0 == "machine.deactivated" }.count == 5)
        #expect(try await fixture.reread(license).machineCount == 0)
      }
    }
  }

  /// Another sweeper, or a change of the license, has it; the machines of others do not wait for that.
  @Test @EventLoop func `a license that is locked is left to whoever has it`() async throws {
    try await LicensesFixture.with { fixture in
      let locked = try await fixture.license(policy: { $0.floating = true })
      let other = try await fixture.license(policy: { $0.floating = true })
      for license in [locked, other] { try await fixture.activate(license, "machine-1") }
      fixture.clock.advance(by: interval + .milliseconds(1))
      let id = try #require(UUID(locked.id))
      try await fixture.test.open().transaction(for: nil) { (transaction) async throws(Fault) in
        try await transaction.query("select from licenses.licenses where id = \(id) for update")
        try await fixture.service.buryDeadMachines()
      }
      #expect(try await fixture.reread(locked).machineCount == 1)
      #expect(try await fixture.reread(other).machineCount == 0)
      try await fixture.service.buryDeadMachines()
      #expect(try await fixture.reread(locked).machineCount == 0)
    }
  }

  /// Nobody waits for the sweeper: who asks for a seat ends the leases that have run out.
  @Test @EventLoop func `a seat whose lease has run out goes to whoever asks`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.floating = true
        $0.maxMachines = 1
      })
      try await fixture.activate(license, "machine-1")
      fixture.clock.advance(by: interval)
      let refused = try await fault { try await fixture.activate(license, "machine-2") }
      #expect(refused.reason == .floatingLimitExceeded)
      fixture.clock.advance(by: .milliseconds(1))
      try await fixture.activate(license, "machine-2")
      #expect(try await fixture.reread(license).machineCount == 1)
      #expect(
        try await fixture.events(of: license) == [
          "license.created", "machine.activated", "license.limit_reached", "machine.dead",
          "machine.deactivated", "machine.activated",
        ]
      )
    }
  }

  @Test @EventLoop func `activating again renews the lease`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.floating = true })
      let machine = try await fixture.activate(license, "machine-1")
      fixture.clock.advance(by: interval)
      let renewed = try await fixture.activate(license, "machine-1")
      #expect(renewed.id == machine.id)
      #expect(renewed.heartbeatDueAt == (fixture.clock.now + interval).milliseconds)
      #expect(renewed.lastHeartbeatAt == nil)
      fixture.clock.advance(by: interval)
      try await fixture.service.buryDeadMachines()
      #expect(try await fixture.reread(license).machineCount == 1)
    }
  }
}
