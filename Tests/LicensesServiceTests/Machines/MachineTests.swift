import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct MachineTests {
  @Test @EventLoop func `machines are listed newest first, by license and by fingerprint`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let first = try await fixture.license(policy: { $0.maxMachines = 9 })
      let second = try await fixture.license(policy: { $0.maxMachines = 9 })
      var ids: [String] = []
      for index in 0..<5 {
        ids.insert(try await fixture.activate(first, "machine-\(index)").id, at: 0)
      }
      let other = try await fixture.activate(second, "machine-3")
      let client = try fixture.client
      func list(_ request: ListMachinesRequest) async throws -> ListMachinesResponse {
        try await client.listMachines(request, fixture.options)
      }
      #expect(try await list(ListMachinesRequest()).data.map(\.id) == [other.id] + ids)
      #expect(try await list(ListMachinesRequest(licenseId: first.id)).data.map(\.id) == ids)
      let same = try await list(ListMachinesRequest(fingerprint: "machine-3")).data.map(\.id)
      #expect(same == [other.id, ids[1]])
      let both = try await list(
        ListMachinesRequest(licenseId: first.id, fingerprint: "machine-3")
      )
      #expect(both.data.map(\.id) == [ids[1]])
      let page = try await list(ListMachinesRequest(limit: 2, licenseId: first.id))
      #expect(page.data.map(\.id) == Array(ids[..<2]))
      #expect(page.pagination.hasMore)
      let rest = try await list(
        ListMachinesRequest(
          cursor: page.pagination.nextCursor,
          limit: 3,
          licenseId: first.id
        )
      )
      #expect(rest.data.map(\.id) == Array(ids[2...]))
      #expect(!rest.pagination.hasMore)
      for stranger in fixture.strangers {
        let seen = try await client.listMachines(ListMachinesRequest(), fixture.options(stranger))
        #expect(seen.data.isEmpty)
      }
    }
  }

  @Test @EventLoop func `what is said of a machine is changed, cleared or kept`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let client = try fixture.client
      let made = try await client.activateMachine(
        ActivateMachineRequest(fingerprint: "machine-1", name: "one", platform: .linux, cores: 4),
        fixture.holder(license)
      )
      fixture.clock.advance(by: .seconds(1))
      let changed = try await client.updateMachine(
        UpdateMachineRequest(
          id: made.id,
          hostname: "atelier",
          metadata: Array(#"{"a": 1}"#.utf8),
          presentNames: ["name", "hostname", "metadata"]
        ),
        fixture.holder(license)
      )
      var expected = made
      expected.name = nil
      expected.hostname = "atelier"
      expected.metadata = Array(#"{"a": 1}"#.utf8)
      expected.updatedAt = fixture.clock.now.milliseconds
      #expect(changed == expected)
      let got = try await client.getMachine(GetMachineRequest(id: made.id), fixture.options)
      #expect(got == expected)
      #expect(try await fixture.audited().last?.action == "machine.update")

      let refused = try await fault {
        try await client.updateMachine(
          UpdateMachineRequest(id: made.id, presentNames: ["metadata"]),
          fixture.options
        )
      }
      #expect(refused.issues.map(\.path) == [["metadata"]])
    }
  }

  @Test @EventLoop func `a machine is deactivated once, in every state of its license`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let machine = try await fixture.activate(license, "machine-1")
      let client = try fixture.client
      _ = try await client.suspendLicense(LicenseActionRequest(id: license.id), fixture.options)
      let refused = try await fault {
        try await client.heartbeatMachine(MachineRequest(id: machine.id), fixture.holder(license))
      }
      #expect(refused.reason == .licenseSuspended)
      let request = MachineRequest(id: machine.id)
      _ = try await client.deactivateMachine(request, fixture.holder(license))
      let again = try await fault { try await client.deactivateMachine(request, fixture.options) }
      #expect(again.message == "Machine not found: \(machine.id)")
      let gone = try await fault {
        try await client.getMachine(GetMachineRequest(id: machine.id), fixture.options)
      }
      #expect(gone.reason == .notFound)
      #expect(try await fixture.reread(license).machineCount == 0)
      #expect(
        try await fixture.events(of: license) == [
          "license.created", "machine.activated", "license.suspended", "machine.deactivated",
        ]
      )
    }
  }

  @Test @EventLoop func `another's machine is not there`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let machine = try await fixture.activate(license, "machine-1")
      let other = try await fixture.license()
      let client = try fixture.client
      let strangers = fixture.strangers.map { fixture.options($0) } + [fixture.holder(other)]
      for options in strangers {
        let calls: [@EventLoop () async throws -> Void] = [
          { _ = try await client.heartbeatMachine(MachineRequest(id: machine.id), options) },
          { _ = try await client.deactivateMachine(MachineRequest(id: machine.id), options) },
          {
            _ = try await client.updateMachine(
              UpdateMachineRequest(id: machine.id, name: "mine", presentNames: ["name"]),
              options
            )
          },
        ]
        for call in calls { #expect(try await fault(call).reason == .notFound) }
      }
      let got = try await client.getMachine(GetMachineRequest(id: machine.id), fixture.options)
      #expect(got == machine)
    }
  }
}
