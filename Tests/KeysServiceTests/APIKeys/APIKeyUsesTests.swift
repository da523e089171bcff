import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@testable import KeysService

/// What happens to API keys by itself: uses are noted, and expiries warned of.
@Suite(.onLoop) struct APIKeyUsesTests {
  private static let daySeconds: Int64 = 24 * 60 * 60

  /// Counts what was written to API keys: each write moves a row.
  @EventLoop
  private func writes(_ fixture: KeysFixture) async throws -> [String] {
    let rows = try await fixture.test.open().read(
      "select xmin::text from keys.api_keys order by id"
    )
    return try rows.map { try $0.value(0) }
  }

  @Test @EventLoop func `a use is known to the minute, and written once a minute`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let (used, idle) = (try await fixture.key(account), try await fixture.key(account))
      let fresh = try await writes(fixture)
      for _ in 0..<3 { #expect(try await fixture.verdict(on: used).verdict == .valid) }
      #expect(try await writes(fixture) == fresh)
      let minute = fixture.clock.now.milliseconds / 60_000 * 60_000
      try await fixture.keys.flushUses()
      #expect(try await fixture.shown(used, account).lastUsedAt == minute)
      #expect(try await fixture.shown(idle, account).lastUsedAt == nil)

      let first = try await writes(fixture)
      _ = try await fixture.verdict(on: used)
      try await fixture.keys.flushUses()
      // Nor does another process write the same minute again.
      let replica = fixture.replica()
      let id = try #require(UUID(used.id))
      let tenant = Tenant(accountID: account, environment: .test)
      replica.uses.note(id, of: tenant, at: fixture.clock.now)
      replica.uses.note(id, of: tenant, at: fixture.clock.now - .seconds(600))
      try await replica.flushUses()
      #expect(try await writes(fixture) == first)

      fixture.clock.advance(by: .seconds(60))
      _ = try await fixture.verdict(on: used)
      try await fixture.keys.flushUses()
      #expect(try await fixture.shown(used, account).lastUsedAt == minute + 60_000)
    }
  }

  @Test @EventLoop func `a key that is not good is not used`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let key = try await fixture.key(account)
      _ = try await fixture.gateway.revokeApiKey(
        RevokeApiKeyRequest(id: key.id),
        fixture.options(account)
      )
      #expect(try await fixture.verdict(on: key).verdict == .revoked)
      try await fixture.keys.flushUses()
      #expect(try await fixture.shown(key, account).lastUsedAt == nil)
    }
  }

  @Test @EventLoop func `a key that expires within a week is warned of once`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let end = fixture.clock.now + .seconds(8 * Self.daySeconds)
      let key = try await fixture.key(account, .live, expiresAt: end.milliseconds)
      _ = try await fixture.key(account)
      #expect(try await fixture.keys.warnOfExpiry() == 0)
      fixture.clock.advance(by: .seconds(Self.daySeconds))
      // Several processes at once, of which one does it.
      let processes = [fixture.keys, fixture.replica(), fixture.replica()]
      let sweeps = processes.map { keys in EventLoop.spawn { try? await keys.warnOfExpiry() } }
      var counts: [Int] = []
      for sweep in sweeps { counts.append(try #require(await sweep.value)) }
      #expect(counts.sorted() == [0, 0, 1])
      #expect(try await fixture.keys.warnOfExpiry() == 0)
      let warnings = try await fixture.log().filter { $0.action == "apiKey.expiring" }
      #expect(warnings.map(\.resourceId) == [key.id])
      #expect(warnings.map(\.actor.kind) == [.service])
      let events = try await fixture.events()
      #expect(events.map(\.type) == ["api_key.expiring"])
      #expect(events.first?.key == (try await fixture.shown(key, account, .live)))
      #expect(events.first?.key.key == nil)

      // When the expiry is moved, the next one is told of in its time.
      let moved = fixture.clock.now + .seconds(9 * Self.daySeconds)
      _ = try await fixture.gateway.updateApiKey(
        UpdateApiKeyRequest(id: key.id, expiresAt: moved.milliseconds),
        fixture.options(account, .live)
      )
      #expect(try await fixture.keys.warnOfExpiry() == 0)
      fixture.clock.advance(by: .seconds(2 * Self.daySeconds))
      #expect(try await fixture.keys.warnOfExpiry() == 1)
    }
  }

  @Test @EventLoop func `what has ended, or is meant to end, is not warned of`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account)
      let end = fixture.clock.now + .seconds(60)
      let revoked = try await fixture.key(account, expiresAt: end.milliseconds)
      _ = try await fixture.gateway.revokeApiKey(RevokeApiKeyRequest(id: revoked.id), options)
      let rotated = try await fixture.key(account)
      _ = try await fixture.gateway.rotateApiKey(RotateApiKeyRequest(id: rotated.id), options)
      #expect(try await fixture.keys.warnOfExpiry() == 0)
      _ = try await fixture.key(account, expiresAt: end.milliseconds)
      fixture.clock.advance(by: .seconds(60))
      #expect(try await fixture.keys.warnOfExpiry() == 0)
    }
  }
}
