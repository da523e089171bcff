import Cryptography
import EventLoop
import Faults
import Postgres
import Primitives
import TestKit
import Testing

@testable import Sealing

@Suite(.onLoop) struct DataKeyStoreTests {
  private static let tiny = DataKeyStore.Limits(sealsMax: 8, reservation: 4)

  /// How many values each data key has sealed, and how many it was said to.
  @EventLoop
  private func seals(_ fixture: SealingFixture) async throws -> [(sealed: Int, reserved: Int64)] {
    let rows = try await fixture.administrator.read(
      """
      select (select count(*) from licenses.notes n
          where licenses.sealed_version(n.sealed_text) = d.version),
        d.seals_reserved
      from licenses.data_keys d order by d.version
      """
    )
    return try rows.map { row in try row.values(Int.self, Int64.self) }
  }

  @Test @EventLoop func `a key that has sealed as much as it may is followed by a new one`()
    async throws
  {
    try await SealingFixture.with { fixture in
      let store = fixture.store(limits: Self.tiny)
      for number in 0..<30 { try await fixture.add("secret \(number)", by: store) }
      let seals = try await seals(fixture)
      #expect(seals.count >= 4)
      for key in seals {
        #expect(key.sealed <= key.reserved)
        #expect(key.reserved <= 8)
      }
      #expect(seals.map(\.sealed).reduce(0, +) == 30)
      #expect(try await fixture.texts().count == 30)
    }
  }

  /// What was reserved counts as used, whatever became of it.
  @Test @EventLoop func `a process that dies takes what it had reserved with it`() async throws {
    try await SealingFixture.with { fixture in
      for number in 0..<6 {
        // Another process each time, with the same master keys.
        let store = fixture.store(Sealer(masterKeys: fixture.masterKeys), limits: Self.tiny)
        try await fixture.add("secret \(number)", by: store)
      }
      let seals = try await seals(fixture)
      #expect(seals.map(\.reserved) == [8, 8, 8])
      #expect(seals.map(\.sealed) == [2, 2, 2])
      #expect(try await fixture.texts().count == 6)
    }
  }

  @Test @EventLoop func `processes that need a new key at once share it`() async throws {
    try await SealingFixture.with { fixture in
      let stores = (0..<4).map { _ in fixture.store(Sealer(masterKeys: fixture.masterKeys)) }
      let tenant = fixture.tenant
      let tasks = stores.map { store in
        EventLoop.spawn { try? await store.newest(of: tenant).version }
      }
      for task in tasks { #expect(await task.value == 1) }
      let keys = try await seals(fixture)
      #expect(keys.count == 1)
    }
  }

  @Test @EventLoop
  func `a process with old master keys cannot wrap by them once new ones are used`()
    async throws
  {
    try await SealingFixture.with { fixture in
      try await fixture.add("secret")
      let stale = fixture.store(Sealer(masterKeys: fixture.masterKeys))
      try fixture.addMasterKey()
      try await fixture.rotate()
      let newcomer = Tenant(accountID: .v7(), environment: .live)
      let refused = try await fault { try await stale.newest(of: newcomer) }
      #expect(refused.code == .unavailable)
      #expect(refused.serverError?.state == SQLState("57000"))
      // Nor can it read, until it loads the file: then it does both.
      #expect(
        try await fault { try await stale.newest(of: fixture.tenant) }.code == .failedPrecondition
      )
      var loads = 0
      stale.reload = { () throws(Fault) in
        loads += 1
        stale.sealer.take(fixture.masterKeys)
      }
      #expect(try await stale.newest(of: newcomer).version == 1)
      #expect(try await stale.newest(of: fixture.tenant).version == 2)
      #expect(loads == 1)
    }
  }

  /// With no data key there, none tells which master keys are in use.
  @Test @EventLoop func `nor in a schema without a data key`() async throws {
    try await SealingFixture.with { fixture in
      let stale = fixture.store(Sealer(masterKeys: fixture.masterKeys))
      try fixture.addMasterKey()
      try await fixture.rotate()
      let refused = try await fault { try await stale.newest(of: fixture.tenant) }
      #expect(refused.serverError?.state == SQLState("57000"))
      #expect(try await fixture.store().newest(of: fixture.tenant).version == 1)
      // It is never lowered.
      try await stale.raiseFloor()
      let again = Tenant(accountID: .v7(), environment: .live)
      #expect(
        try await fault { try await stale.newest(of: again) }.serverError?.state
          == SQLState("57000")
      )
    }
  }

  @Test @EventLoop func `whoever asks for a version that is not there is told so`() async throws {
    try await SealingFixture.with { fixture in
      try await fixture.add("secret")
      let store = fixture.store()
      for version in [0, 2, UInt32.max] {
        let fault = try await fault { try await store.key(of: fixture.tenant, version: version) }
        #expect(fault.code == .dataLoss)
      }
    }
  }
}
