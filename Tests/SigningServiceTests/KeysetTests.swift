import Cryptography
import EventLoop
import Faults
import LatchkeyOffline
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct KeysetTests {
  @Test @EventLoop func `the first question makes a key that signs and one that follows`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let request = GetPublicKeysRequest(
        accountId: fixture.tenant.accountID.description,
        environment: .test
      )
      let keys = try await fixture.gateway.getPublicKeys(request)
      #expect(try await fixture.gateway.getPublicKeys(request) == keys)
      #expect(keys.publicKeys.count == 2)
      let active = try await fixture.key(.active)
      #expect(active.publicKey == keys.activePublicKey)
      #expect(active.keyId == keys.activeKeyId)
      #expect(try await fixture.key(.next).activatesAt == nil)
      #expect(try await fixture.keyset().root == nil)
      // The other environment has keys of its own.
      let live = try await fixture.gateway.getPublicKeys(
        GetPublicKeysRequest(accountId: request.accountId, environment: .live)
      )
      #expect(Set(live.publicKeys).isDisjoint(with: keys.publicKeys))
    }
  }

  /// Ten processes may all meet a tenant for the first time.
  @Test @EventLoop func `keysets that are made at once are one`() async throws {
    try await SigningFixture.with { fixture in
      let request = GetPublicKeysRequest(
        accountId: fixture.tenant.accountID.description,
        environment: .test
      )
      let client = try fixture.gateway
      let tasks = (0..<10).map { _ in
        EventLoop.spawn { try? await client.getPublicKeys(request).activePublicKey }
      }
      var seen: Set<String?> = []
      for task in tasks { seen.insert(await task.value) }
      #expect(seen.count == 1 && !seen.contains(nil))
      #expect(try await fixture.count("select count(*) from signing.keys") == 2)
    }
  }

  /// Nothing that the database holds signs without the master keys.
  @Test @EventLoop func `seeds are sealed, and gone once their key signs no more`() async throws {
    try await SigningFixture.with { fixture in
      try await fixture.sign()
      let sealed = "select count(*) from signing.keys where octet_length(sealed_seed) = 65"
      #expect(try await fixture.count(Query(sql: sealed)) == 2)
      fixture.clock.advance(by: .seconds(1))
      try await fixture.rotate()
      #expect(try await fixture.count("select count(*) from signing.keys") == 3)
      #expect(try await fixture.count(Query(sql: sealed)) == 2)
    }
  }

  @Test @EventLoop func `a seed that lies in another row opens nowhere`() async throws {
    try await SigningFixture.with { fixture in
      _ = try await fixture.keyset()
      try await fixture.test.open().query(
        """
        update signing.keys k set sealed_seed = (
          select o.sealed_seed from signing.keys o where o.id <> k.id) where activates_at is not null
        """
      )
      let fault = try await fault { try await fixture.sign() }
      #expect(fault.code == .internalError || fault.code == .dataLoss)
    }
  }

  @Test @EventLoop func `a rotation at once has the next key sign, and publishes another`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let next = try await fixture.key(.next)
      let old = try await fixture.key(.active)
      fixture.clock.advance(by: .seconds(1))
      let keyset = try await fixture.rotate()
      #expect(keyset.keys.map(\.state) == [.next, .active, .retired])
      #expect(try await fixture.key(.active).id == next.id)
      #expect(try await fixture.key(.retired).id == old.id)
      #expect(try await fixture.sign().file.keyId == next.keyId)
      let actions = try await fixture.audited().map(\.action)
      #expect(actions.filter { $0 == "signingKey.rotate" }.count == 2)
      #expect(actions.filter { $0 == "signingKey.create" }.count == 3)
    }
  }

  @Test @EventLoop func `with an overlap the present key goes on until its end`() async throws {
    try await SigningFixture.with { fixture in
      let old = try await fixture.key(.active)
      let next = try await fixture.key(.next)
      let keyset = try await fixture.rotate(overlap: 3_600)
      #expect(keyset.keys.map(\.state) == [.next, .next, .active])
      #expect(keyset.keys.last?.retiredAt == keyset.keys[1].activatesAt)
      #expect(try await fixture.sign().file.keyId == old.keyId)
      fixture.clock.advance(by: .seconds(3_600))
      #expect(try await fixture.sign().file.keyId == next.keyId)
      #expect(try await fixture.key(.retired).id == old.id)
    }
  }

  @Test @EventLoop func `a rotation that is due can be moved to now, and adds no further key`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let next = try await fixture.key(.next)
      try await fixture.rotate(overlap: 3_600)
      fixture.clock.advance(by: .seconds(1))
      let keyset = try await fixture.rotate()
      #expect(keyset.keys.count == 3)
      #expect(try await fixture.sign().file.keyId == next.keyId)
    }
  }

  @Test @EventLoop
  func `retiring a key that files are signed by is warned about, with their number`()
    async throws
  {
    try await SigningFixture.with { fixture in
      for _ in 0..<3 { try await fixture.sign() }
      try await fixture.sign { $0.ttlSeconds = 10 }
      fixture.clock.advance(by: .seconds(10))
      let active = try await fixture.key(.active)
      #expect(active.liveFiles == 3)
      let warned = try await fault { try await fixture.retire(active) }
      #expect(warned.reason == .conflict)
      #expect(warned.facts == [.init("liveFiles", 3)])
      #expect(try await fixture.key(.active).id == active.id)
      try await fixture.retire(active, force: true)
      let retired = try await fixture.key(.retired)
      #expect(retired.id == active.id && retired.liveFiles == 3)
      // Once is enough; but it can be withdrawn, which is warned about again.
      #expect(try await fault { try await fixture.retire(retired) }.reason == .conflict)
      let again = try await fault { try await fixture.retire(retired, revoke: true) }
      #expect(again.facts == [.init("liveFiles", 3)])
      try await fixture.retire(retired, force: true, revoke: true)
      #expect(try await fixture.key(.revoked).id == active.id)
      let lines = try await fixture.audited().filter { $0.resourceId == active.id }
      #expect(
        lines.map(\.action) == ["signingKey.create", "signingKey.retire", "signingKey.revoke"]
      )
      #expect(lines.last?.reason == "a test")
    }
  }

  @Test @EventLoop func `a key without live files is retired without force`() async throws {
    try await SigningFixture.with { fixture in
      let active = try await fixture.key(.active)
      fixture.clock.advance(by: .seconds(1))
      try await fixture.retire(active)
      #expect(try await fixture.key(.retired).id == active.id)
      #expect(try await fixture.key(.active).id != active.id)
    }
  }

  @Test @EventLoop func `a next key that leaked is withdrawn and replaced`() async throws {
    try await SigningFixture.with { fixture in
      let next = try await fixture.key(.next)
      #expect(try await fault { try await fixture.retire(next) }.reason == .conflict)
      fixture.clock.advance(by: .seconds(1))
      try await fixture.retire(next, revoke: true)
      #expect(try await fixture.key(.revoked).id == next.id)
      #expect(try await fixture.key(.next).id != next.id)
      // Also where it was about to take over: then the present key goes on.
      let active = try await fixture.key(.active)
      try await fixture.rotate(overlap: 60)
      let due = try #require(
        try await fixture.keyset().keys.first { $0.activatesAt != nil && $0.state == .next }
      )
      try await fixture.retire(due, revoke: true)
      fixture.clock.advance(by: .seconds(120))
      #expect(try await fixture.key(.active).id == active.id)
    }
  }

  @Test @EventLoop func `a key of nobody's is not found`() async throws {
    try await SigningFixture.with { fixture in
      var key = try await fixture.key(.active)
      key.id = UUID.v7().description
      let stranger = key
      #expect(try await fault { try await fixture.retire(stranger) }.code == .notFound)
    }
  }

  /// A request that is sent again under its key must not rotate twice.
  @Test @EventLoop func `a repeated request rotates once`() async throws {
    try await SigningFixture.with { fixture in
      _ = try await fixture.keyset()
      fixture.clock.advance(by: .seconds(1))
      var options = fixture.options
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      let request = RotateSigningKeyRequest()
      let first = try await fixture.gateway.rotateSigningKey(request, options)
      #expect(try await fixture.gateway.rotateSigningKey(request, options) == first)
      #expect(try await fixture.keyset().keys.count == 3)
    }
  }
}
