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

  @Test(arguments: [LeakedAPIKeys.alert, .revoke], [ApiKey.Environment.test, .live])
  @EventLoop func `a report does what the policy says`(
    policy: LeakedAPIKeys,
    environment: ApiKey.Environment
  ) async throws {
    try await KeysFixture.with(leakedKeys: policy) { fixture in
      let made = try await fixture.key(try await fixture.account(), environment)
      let key = try #require(made.key)
      let revokes = policy == .revoke
      let answer = try await report(key, fixture, source: "https://paste.example/\(key)")
      #expect(answer == LeakResponse(kind: .apiKey, action: revokes ? .revoked : .alerted))
      #expect(try await verdict(key, fixture) == (revokes ? .revoked : .valid))
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
