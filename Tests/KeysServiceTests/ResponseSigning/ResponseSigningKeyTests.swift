import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

/// The life of an account's response-signing key: next, active, retired.
@Suite(.onLoop) struct ResponseSigningKeyTests {
  /// What the gateway signs with now.
  @EventLoop private func signing(_ account: UUID, _ fixture: KeysFixture) async throws
    -> GetResponseSigningKeyResponse
  {
    try await fixture.gateway.getResponseSigningKey(
      GetResponseSigningKeyRequest(accountId: account.description)
    )
  }

  @EventLoop private func create(
    _ account: UUID,
    _ fixture: KeysFixture
  ) async throws -> ResponseSigningKey {
    try await fixture.gateway.createResponseSigningKey(
      CreateResponseSigningKeyRequest(),
      fixture.options(account, .live)
    )
  }

  @EventLoop private func promote(
    _ id: String,
    _ account: UUID,
    _ fixture: KeysFixture
  ) async throws -> ResponseSigningKey {
    try await fixture.gateway.promoteResponseSigningKey(
      PromoteResponseSigningKeyRequest(id: id),
      fixture.options(account, .live)
    )
  }

  @EventLoop private func delete(
    _ id: String,
    _ account: UUID,
    _ fixture: KeysFixture
  ) async throws {
    _ = try await fixture.gateway.deleteResponseSigningKey(
      DeleteResponseSigningKeyRequest(id: id),
      fixture.options(account, .live)
    )
  }

  @EventLoop private func list(_ account: UUID, _ fixture: KeysFixture) async throws
    -> [ResponseSigningKey]
  {
    try await fixture.gateway.listResponseSigningKeys(
      ListResponseSigningKeysRequest(),
      fixture.options(account)
    ).data
  }

  @Test @EventLoop func `a rotation goes from next to active to retired`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let first = try await signing(account, fixture)
      let old = try #require(try await list(account, fixture).first)
      #expect(old.state == .active && old.activatedAt == old.createdAt)

      fixture.clock.advance(by: .seconds(60))
      let next = try await create(account, fixture)
      let secret = try #require(next.signingKey)
      #expect(next.state == .next && next.activatedAt == nil && next.retiredAt == nil)
      #expect(secret.contains(/^[0-9a-f]{64}$/) && secret != first.signingKey)
      var now = try await signing(account, fixture)
      #expect(now.signingKey == first.signingKey && now.nextSigningKey == secret)

      fixture.clock.advance(by: .seconds(60))
      let active = try await promote(next.id, account, fixture)
      #expect(active.id == next.id && active.state == .active && active.signingKey == nil)
      #expect(active.activatedAt == fixture.clock.now.milliseconds)
      now = try await signing(account, fixture)
      #expect(now.signingKey == secret && now.nextSigningKey == nil)
      let listed = try await list(account, fixture)
      #expect(listed.map(\.id) == [next.id, old.id])
      #expect(listed.map(\.state) == [.active, .retired])
      #expect(listed.last?.retiredAt == fixture.clock.now.milliseconds)
      #expect(listed.allSatisfy { $0.signingKey == nil })

      let lines = try await fixture.log().filter { $0.resourceType == "responseSigningKey" }
      #expect(
        lines.map(\.action) == [
          "responseSigningKey.create", "responseSigningKey.retire", "responseSigningKey.promote",
        ]
      )
      #expect(lines.map(\.resourceId) == [next.id, old.id, next.id])
    }
  }

  /// A lost answer is no reason to worry: the request is sent again.
  @Test @EventLoop func `promoting the active key again changes nothing`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let next = try await create(account, fixture)
      let first = try await promote(next.id, account, fixture)
      fixture.clock.advance(by: .seconds(60))
      let lines = try await fixture.log().count
      #expect(try await promote(next.id, account, fixture) == first)
      #expect(try await fixture.log().count == lines)
    }
  }

  @Test @EventLoop func `the secret of a retired key is gone, and one retired key is kept`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      var ids: [String] = [try #require(try await list(account, fixture).first).id]
      for _ in 0..<3 {
        fixture.clock.advance(by: .seconds(1))
        ids.append(try await create(account, fixture).id)
        _ = try await promote(try #require(ids.last), account, fixture)
      }
      #expect(try await list(account, fixture).map(\.id) == ids.suffix(2).reversed())
      let rows = try await fixture.test.open().read(
        "select state from keys.response_signing_keys where sealed_secret is not null"
      )
      #expect(try rows.map { try $0.value(0) as String } == ["active"])
    }
  }

  @Test @EventLoop func `a rotation can be given up`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let first = try await signing(account, fixture)
      let next = try await create(account, fixture)
      try await delete(next.id, account, fixture)
      #expect(try await signing(account, fixture) == first)
      #expect(try await list(account, fixture).map(\.state) == [.active])
      #expect(try await fixture.log().last?.action == "responseSigningKey.delete")
      #expect(try await create(account, fixture).id != next.id)
    }
  }

  @Test @EventLoop func `what is out of turn is a conflict`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let old = try #require(try await list(account, fixture).first)
      let next = try await create(account, fixture)
      let conflicts = [
        try await fault { _ = try await create(account, fixture) },
        try await fault { try await delete(old.id, account, fixture) },
      ]
      _ = try await promote(next.id, account, fixture)
      let late = [
        try await fault { _ = try await promote(old.id, account, fixture) },
        try await fault { try await delete(next.id, account, fixture) },
        try await fault { try await delete(old.id, account, fixture) },
      ]
      #expect((conflicts + late).map(\.reason) == Array(repeating: .conflict, count: 5))
    }
  }

  @Test @EventLoop func `many at once make one next key, and promote it once`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let made = (0..<8).map { _ in
        EventLoop.spawn { try? await create(account, fixture) }
      }
      var keys: [ResponseSigningKey] = []
      for task in made { if let key = await task.value { keys.append(key) } }
      #expect(keys.count == 1)
      let next = try #require(keys.first)
      #expect(try await signing(account, fixture).nextSigningKey == next.signingKey)
      let promoted = (0..<8).map { _ in
        EventLoop.spawn { try? await promote(next.id, account, fixture) }
      }
      for task in promoted { #expect(await task.value?.state == .active) }
      let actions = try await fixture.log().map(\.action)
      #expect(actions.count { $0 == "responseSigningKey.promote" } == 1)
      #expect(try await list(account, fixture).map(\.state) == [.active, .retired])
    }
  }

  /// A test key must not be able to have live clients refuse our answers.
  @Test @EventLoop func `a key of the test environment may only look`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let next = try await create(account, fixture)
      let gateway = try fixture.gateway
      let options = fixture.options(account, .test)
      let refusals = [
        try await fault {
          try await gateway.createResponseSigningKey(CreateResponseSigningKeyRequest(), options)
        },
        try await fault {
          let request = PromoteResponseSigningKeyRequest(id: next.id)
          return try await gateway.promoteResponseSigningKey(request, options)
        },
        try await fault {
          let request = DeleteResponseSigningKeyRequest(id: next.id)
          return try await gateway.deleteResponseSigningKey(request, options)
        },
      ]
      #expect(refusals.map(\.reason) == Array(repeating: .forbidden, count: 3))
      #expect(try await list(account, fixture).map(\.state) == [.next, .active])
    }
  }

  @Test @EventLoop func `another account's key is not there`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let stranger = try await fixture.account("Rival")
      let next = try await create(account, fixture)
      let refusals = [
        try await fault { _ = try await promote(next.id, stranger, fixture) },
        try await fault { try await delete(next.id, stranger, fixture) },
        try await fault { _ = try await promote(UUID.v7().description, account, fixture) },
      ]
      #expect(refusals.map(\.code) == Array(repeating: .notFound, count: 3))
      #expect(try await list(stranger, fixture).map(\.state) == [.active])
    }
  }

  @Test @EventLoop func `with an Idempotency-Key the secret is shown again, and made once`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      var options = fixture.options(account, .live)
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      let request = CreateResponseSigningKeyRequest()
      let first = try await fixture.gateway.createResponseSigningKey(request, options)
      #expect(first.signingKey != nil)
      #expect(try await fixture.gateway.createResponseSigningKey(request, options) == first)
    }
  }
}
