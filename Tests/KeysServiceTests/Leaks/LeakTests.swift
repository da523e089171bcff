import Cryptography
import EventLoop
import Faults
import KeysService
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct LeakTests {
  /// Reports without any credential.
  @EventLoop private func report(
    _ key: String,
    _ fixture: KeysFixture,
    source: String? = nil
  ) async throws -> LeakResponse {
    try await fixture.gateway.reportLeakedApiKey(
      LeakReport(secret: key, source: source),
      CallOptions(caller: Caller(actorKind: .anonymous))
    )
  }

  @EventLoop private func verdict(_ key: String, _ fixture: KeysFixture) async throws
    -> AuthenticateApiKeyResponse.Verdict
  {
    let request = AuthenticateApiKeyRequest(sha256: SHA256.hash(key))
    return try await fixture.gateway.authenticateApiKey(request).verdict
  }

  /// The lines about leaks, oldest first.
  @EventLoop private func lines(_ fixture: KeysFixture) async throws -> [AuditEvent] {
    let rows = try await fixture.test.open().read(
      "select entry from changes.audit_entries where action = 'apiKey.leak' order by id"
    )
    return try rows.map { row in
      let bytes: [UInt8] = try row.value(0)
      return try bytes.withUnsafeBytes { try AuditEvent(decoding: $0) }
    }
  }

  @Test(arguments: LeakedAPIKeys.allCases, [ApiKey.Environment.test, .live])
  @EventLoop func `a report does what the policy says`(
    policy: LeakedAPIKeys,
    environment: ApiKey.Environment
  ) async throws {
    try await KeysFixture.with(leakedKeys: policy) { fixture in
      let made = try await fixture.key(try await fixture.account(), environment)
      let key = try #require(made.key)
      let action: LeakResponse.Action =
        switch policy {
        case .alert: .alerted
        case .rotate: .retiring
        case .revoke: .revoked
        }
      let answer = try await report(key, fixture, source: "https://paste.example/\(key)")
      #expect(answer == LeakResponse(kind: .apiKey, action: action))
      #expect(try await verdict(key, fixture) == (policy == .revoke ? .revoked : .valid))
      let event = try #require(try await fixture.events().first)
      #expect(event.type == "api_key.leaked")
      #expect(event.key.id == made.id)
      #expect(event.key.leakedAt == fixture.clock.now.milliseconds)
      let line = try #require(try await lines(fixture).first)
      #expect(line.resourceId == made.id)
      #expect(line.actor.kind == .anonymous)
      #expect(line.reason == "https://paste.example/<redacted>")
    }
  }

  @Test @EventLoop func `reports leave one line a day for each key`() async throws {
    try await KeysFixture.with(leakedKeys: .alert) { fixture in
      let key = try #require(try await fixture.key(try await fixture.account()).key)
      for _ in 0..<5 {
        fixture.clock.advance(by: .seconds(60 * 60))
        #expect(try await report(key, fixture).action == .alerted)
      }
      #expect(try await lines(fixture).count == 1)
      fixture.clock.advance(by: .seconds(21 * 60 * 60))
      _ = try await report(key, fixture)
      #expect(try await lines(fixture).count == 2)
    }
  }

  /// What the policy `rotate` leaves to a leaked key, and to its owner.
  @Test @EventLoop func `a leaked key that is to be replaced goes on for the overlap`() async throws
  {
    try await KeysFixture.with(leakedKeys: .rotate, leakOverlap: .seconds(3600)) { fixture in
      let account = try await fixture.account()
      let made = try await fixture.key(account)
      let key = try #require(made.key)
      let end = fixture.clock.now.milliseconds + 3_600_000
      _ = try await report(key, fixture)
      #expect(try await fixture.shown(made, account).retiresAt == end)

      // It can do all it could but manage API keys, and a second report changes nothing.
      let scopes = try await fixture.verdict(on: made).scopes
      #expect(scopes.contains("licenses:write") && scopes.contains("keys:read"))
      #expect(!scopes.contains("keys:write") && !scopes.contains("*"))
      fixture.clock.advance(by: .seconds(60))
      #expect(try await report(key, fixture).action == .retiring)
      #expect(try await fixture.shown(made, account).retiresAt == end)
      #expect(try await fixture.events().count == 1)

      // Its owner cannot put the end off, and makes a successor that may live as long as the key was meant to.
      let other = try await fixture.key(account)
      let options = fixture.options(account, key: other.id)
      let later = fixture.clock.now.milliseconds + 86_400_000
      let patch = UpdateApiKeyRequest(id: made.id, expiresAt: later)
      let updated = try await fixture.gateway.updateApiKey(patch, options)
      #expect(updated.retiresAt == end)
      let forever = UpdateApiKeyRequest(id: made.id, presentNames: ["expiresAt"])
      _ = try await fixture.gateway.updateApiKey(forever, options)
      let successor = try await fixture.gateway.rotateApiKey(
        RotateApiKeyRequest(id: made.id),
        options
      )
      #expect(successor.expiresAt == nil && successor.leakedAt == nil && successor.retiresAt == nil)
      #expect(try await fixture.verdict(on: successor).scopes == ["*"])
      #expect(try await fixture.shown(made, account).retiresAt == end)

      fixture.clock.advance(by: .seconds(3540))
      #expect(try await verdict(key, fixture) == .expired)
      #expect(try await fixture.verdict(on: successor).verdict == .valid)
      #expect(try await report(key, fixture).action == .nothing)
    }
  }

  @Test @EventLoop func `a leaked key that stops before the overlap does not live longer`()
    async throws
  {
    try await KeysFixture.with(leakedKeys: .rotate, leakOverlap: .seconds(3600)) { fixture in
      let account = try await fixture.account()
      let soon = fixture.clock.now.milliseconds + 60_000
      let made = try await fixture.key(account, expiresAt: soon)
      let key = try #require(made.key)
      _ = try await report(key, fixture)
      fixture.clock.advance(by: .seconds(60))
      #expect(try await verdict(key, fixture) == .expired)
    }
  }

  @Test @EventLoop func `a key that works no longer is left as it is`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let nothing = LeakResponse(kind: .apiKey, action: .nothing)
      let key = try #require(try await fixture.key(account).key)
      _ = try await report(key, fixture)
      #expect(try await report(key, fixture) == nothing)
      let soon = fixture.clock.now.milliseconds + 1_000
      let expiring = try #require(try await fixture.key(account, expiresAt: soon).key)
      fixture.clock.advance(by: .seconds(1))
      #expect(try await report(expiring, fixture) == nothing)
      #expect(try await verdict(expiring, fixture) == .expired)
    }
  }

  @Test @EventLoop func `what is no key of ours is answered in the same shape`() async throws {
    try await KeysFixture.with { fixture in
      let unknown = LeakResponse(kind: .unknown, action: .nothing)
      for text in ["?", "LIC-0000-0000-0000-0000", APIKey.generate(.live).text] {
        let answer = try await report(text, fixture)
        #expect(answer == unknown)
      }
    }
  }
}
