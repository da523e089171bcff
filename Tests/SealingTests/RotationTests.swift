import Cryptography
import EventLoop
import Faults
import Postgres
import Primitives
import TestKit
import Testing

@testable import Sealing

@Suite(.onLoop) struct RotationTests {
  @Test @EventLoop func `everything comes under the new master key, of every tenant`()
    async throws
  {
    try await SealingFixture.with { fixture in
      let live = Tenant(accountID: fixture.tenant.accountID, environment: .live)
      let other = Tenant(accountID: .v7(), environment: .test)
      for tenant in [fixture.tenant, live, other] {
        for number in 0..<10 {
          try await fixture.add(
            "secret \(number)",
            remark: number % 2 == 0 ? nil : "remark",
            tenant
          )
        }
      }
      #expect(
        try await fixture.uses() == [
          "licenses.data_keys.wrapped_key 1 2", "licenses.notes.sealed_remark 1 15",
          "licenses.notes.sealed_text 1 30",
        ]
      )
      let before = try await fixture.texts()
      try fixture.addMasterKey()
      #expect(try await fixture.rotate() == 30)
      #expect(
        try await fixture.uses() == [
          "licenses.data_keys.wrapped_key 2 4", "licenses.notes.sealed_remark 2 15",
          "licenses.notes.sealed_text 2 30",
        ]
      )
      // A process that never had the old master key opens everything.
      let only = Sealer(masterKeys: try fixture.masterKeys.removing(version: 1))
      #expect(try await fixture.texts(by: only) == before)
      #expect(try await fixture.texts(live, by: only).count == 10)
      #expect(try await fixture.texts(other, by: only).count == 10)
      // There is nothing left to do.
      #expect(try await fixture.rotate() == 0)
    }
  }

  @Test @EventLoop func `one that was cut off goes on where it was`() async throws {
    try await SealingFixture.with { fixture in
      for number in 0..<40 { try await fixture.add("secret \(number)") }
      let before = try await fixture.texts()
      try fixture.addMasterKey()
      var reports = 0
      let cut = try await fault {
        try await fixture.rotate { (_) throws(Fault) in
          reports += 1
          guard reports < 3 else { throw Fault(.cancelled, "killed") }
        }
      }
      #expect(cut.message == "killed")
      // Three batches of seven are committed; in between, both versions are read.
      #expect(
        try await fixture.uses().filter { $0.contains("sealed_text") } == [
          "licenses.notes.sealed_text 1 19", "licenses.notes.sealed_text 2 21",
        ]
      )
      #expect(try await fixture.texts() == before)
      #expect(try await fixture.rotate() == 19)
      #expect(try await fixture.texts() == before)
    }
  }

  /// A value that is replaced while its row is sealed anew must be the one that stays.
  @Test @EventLoop func `a row that somebody is changing is left alone and comes later`()
    async throws
  {
    try await SealingFixture.with { fixture in
      var ids: [UUID] = []
      for number in 0..<10 { ids.append(try await fixture.add("secret \(number)")) }
      let changed = ids[4]
      // Who changes the row has the old data key in hand, and lets go of the row when others were sealed.
      let place = SealingFixture.notes.place(
        "sealed_text",
        row: changed,
        account: fixture.tenant.accountID
      )
      let value = try await fixture.store().newest(of: fixture.tenant).seal(
        Array("changed".utf8),
        in: place
      )
      let isLocked = Signal()
      let othersAreSealed = Signal()
      let change = EventLoop.spawn { () async -> Bool in
        let done: Void? = try? await fixture.database.transaction(for: fixture.tenant) {
          (transaction) async throws(Fault) in
          try await transaction.query(
            "update licenses.notes set sealed_text = \(value) where id = \(changed)"
          )
          isLocked.send()
          await othersAreSealed.wait()
        }
        return done != nil
      }
      await isLocked.wait()
      try fixture.addMasterKey()
      var sum = 0
      let total = try await fixture.rotate { (count) throws(Fault) in
        sum += count
        if sum == 9 { othersAreSealed.send() }
      }
      #expect(await change.value)
      #expect(total == 10)
      #expect(try await fixture.texts()[changed] == "changed")
      #expect(
        try await fixture.uses().contains("licenses.notes.sealed_text 2 10")
      )
    }
  }

  @Test @EventLoop func `a value that cannot be opened is left as it is, and keeps nobody waiting`()
    async throws
  {
    try await SealingFixture.with { fixture in
      var ids: [UUID] = []
      for number in 0..<5 { ids.append(try await fixture.add("secret \(number)")) }
      // One value was moved to another row.
      try await fixture.administrator.query(
        """
        update licenses.notes set sealed_text =
          (select sealed_text from licenses.notes where id = \(ids[0])) where id = \(ids[1])
        """
      )
      try fixture.addMasterKey()
      #expect(try await fixture.rotate() == 4)
      #expect(
        try await fixture.uses().filter { $0.contains("sealed_text") } == [
          "licenses.notes.sealed_text 1 1", "licenses.notes.sealed_text 2 4",
        ]
      )
    }
  }

  @Test @EventLoop func `two rotations at once come to the same end`() async throws {
    try await SealingFixture.with { fixture in
      for number in 0..<60 { try await fixture.add("secret \(number)") }
      let before = try await fixture.texts()
      try fixture.addMasterKey()
      let tasks = (0..<3).map { _ in EventLoop.spawn { (try? await fixture.rotate()) != nil } }
      for task in tasks { #expect(await task.value) }
      #expect(try await fixture.texts() == before)
      #expect(
        try await fixture.uses().filter { $0.contains("sealed_text") } == [
          "licenses.notes.sealed_text 2 60"
        ]
      )
    }
  }
}

/// Something that happens once, and that others wait for.
@EventLoop
private final class Signal {
  private var isSent = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func send() {
    isSent = true
    for continuation in waiting { continuation.resume() }
    waiting = []
  }

  func wait() async {
    guard !isSent else { return }
    await withCheckedContinuation { waiting.append($0) }
  }
}
