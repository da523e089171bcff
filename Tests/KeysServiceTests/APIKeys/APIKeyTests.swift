import Cryptography
import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@testable import KeysService

@Suite(.onLoop) struct APIKeyTests {
  /// What the gateway asks about when it is shown the key.
  private func hash(of key: ApiKey) throws -> [UInt8] {
    let text = try #require(key.key)
    return try #require(APIKey.parse(text)).hash
  }

  @Test(arguments: [ApiKey.Environment.test, .live])
  @EventLoop func `a new key is shown once`(environment: ApiKey.Environment) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account, environment == .test ? .test : .live)
      let made = try await fixture.gateway.createApiKey(
        CreateApiKeyRequest(name: "Backend", scopes: ["products:read", "licenses:read"]),
        options
      )
      let text = try #require(made.key)
      #expect(APIKey.parse(text)?.environment == environment.value)
      #expect(made.hint == String(text.prefix(12)))
      #expect(made.environment == environment)
      #expect(made.fullAccess == false)
      #expect(made.scopes == ["licenses:read", "products:read"])
      #expect(made.createdAt == fixture.clock.now.milliseconds)
      var shown = made
      shown.key = nil
      let got = try await fixture.gateway.getApiKey(GetApiKeyRequest(id: made.id), options)
      #expect(got == shown)
      let listed = try await fixture.gateway.listApiKeys(ListApiKeysRequest(), options)
      #expect(listed.data == [shown])
      #expect(listed.pagination == Pagination(nextCursor: nil, hasMore: false))
    }
  }

  @Test @EventLoop func `a key made without scopes has full access, and says who made it`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let first = try await fixture.key(account)
      #expect(first.fullAccess)
      #expect(first.createdBy == nil)
      let second = try await fixture.gateway.createApiKey(
        CreateApiKeyRequest(name: "Second"),
        fixture.options(account, key: first.id)
      )
      #expect(second.fullAccess)
      #expect(second.scopes.isEmpty)
      #expect(second.createdBy == first.id)
    }
  }

  /// What a request for a new key is refused for.
  struct Refusal: Sendable {
    var request: CreateApiKeyRequest
    var callerScopes = ["*"]
    var code: Fault.Code
    var path: [String] = []
  }

  @Test(arguments: [
    Refusal(
      request: CreateApiKeyRequest(name: "k", scopes: ["licenses:delete"]),
      code: .invalidArgument,
      path: ["scopes", "0"]
    ),
    Refusal(
      request: CreateApiKeyRequest(name: "k", presentNames: ["name", "scopes"]),
      code: .invalidArgument,
      path: ["scopes"]
    ),
    Refusal(
      request: CreateApiKeyRequest(name: "k", expiresAt: 1),
      code: .invalidArgument,
      path: ["expiresAt"]
    ),
    Refusal(
      request: CreateApiKeyRequest(name: "k", environment: .live),
      code: .invalidArgument,
      path: ["environment"]
    ),
    Refusal(request: CreateApiKeyRequest(name: ""), code: .invalidArgument, path: ["name"]),
    Refusal(
      request: CreateApiKeyRequest(name: "k"),
      callerScopes: ["keys:write"],
      code: .permissionDenied
    ),
    Refusal(
      request: CreateApiKeyRequest(name: "k", scopes: ["licenses:read"]),
      callerScopes: ["keys:write", "licenses:write"],
      code: .permissionDenied
    ),
    Refusal(
      request: CreateApiKeyRequest(name: "k"),
      callerScopes: ["licenses:write"],
      code: .permissionDenied
    ),
  ])
  @EventLoop func `a request for a key is refused`(refusal: Refusal) async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let options = fixture.options(account, scopes: refusal.callerScopes)
      let fault = try await fault {
        try await fixture.gateway.createApiKey(refusal.request, options)
      }
      #expect(fault.code == refusal.code)
      #expect(fault.issues.first?.path ?? [] == refusal.path)
      let all = try await fixture.gateway.listApiKeys(
        ListApiKeysRequest(),
        fixture.options(account)
      )
      #expect(all.data.isEmpty)
    }
  }

  @Test @EventLoop func `a key cannot be issued for an account that is not there`() async throws {
    try await KeysFixture.with { fixture in
      let fault = try await fault { try await fixture.key(UUID.v7()) }
      #expect(fault.code == .notFound)
    }
  }

  @Test @EventLoop func `authentication tells whose a key is, until it is revoked`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let key = try await fixture.key(account, .live, scopes: ["licenses:read"])
      let hash = try hash(of: key)
      let request = AuthenticateApiKeyRequest(sha256: hash)
      let good = try await fixture.gateway.authenticateApiKey(request)
      #expect(good.verdict == .valid)
      #expect(good.accountId == account.description)
      #expect(good.environment == .live)
      #expect(good.apiKeyId == key.id)
      #expect(good.scopes == ["licenses:read"])

      let options = fixture.options(account, .live)
      let revoke = RevokeApiKeyRequest(id: key.id)
      _ = try await fixture.gateway.revokeApiKey(revoke, options)
      let revokedAt = fixture.clock.now.milliseconds
      #expect(try await fixture.gateway.authenticateApiKey(request).verdict == .revoked)
      fixture.clock.advance(by: .seconds(5))
      _ = try await fixture.gateway.revokeApiKey(revoke, options)
      let shown = try await fixture.gateway.getApiKey(GetApiKeyRequest(id: key.id), options)
      #expect(shown.revokedAt == revokedAt)
    }
  }

  @Test @EventLoop func `authentication refuses what is expired or unknown`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let end = fixture.clock.now + .seconds(10)
      let key = try await fixture.key(account, expiresAt: end.milliseconds)
      let hash = try hash(of: key)
      let request = AuthenticateApiKeyRequest(sha256: hash)
      let unlimited = try await fixture.gateway.authenticateApiKey(request)
      #expect(unlimited.scopes == ["*"])
      fixture.clock.advance(by: .seconds(10))
      #expect(try await fixture.gateway.authenticateApiKey(request).verdict == .expired)
      let unknown = AuthenticateApiKeyRequest(sha256: SHA256.hash(Array("unknown".utf8)))
      let answer = try await fixture.gateway.authenticateApiKey(unknown)
      #expect(answer == AuthenticateApiKeyResponse(verdict: .unknown))
    }
  }

  /// Questions asked at once share queries; each must get its own answer.
  @Test @EventLoop func `many keys are authenticated at once`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      var hashes: [([UInt8], String)] = []
      for _ in 0..<8 {
        let key = try await fixture.key(account)
        hashes.append((try hash(of: key), key.id))
      }
      let client = try fixture.gateway
      let asked = (0..<400).map { index in
        let (hash, id) = hashes[index % hashes.count]
        let task = EventLoop.spawn {
          try? await client.authenticateApiKey(AuthenticateApiKeyRequest(sha256: hash))
        }
        return (task, id)
      }
      for (task, id) in asked { #expect(await task.value?.apiKeyId == id) }
    }
  }

  @Test @EventLoop func `keys are listed page by page, newest first`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      var ids: [String] = []
      for _ in 0..<5 {
        fixture.clock.advance(by: .milliseconds(1))
        ids.insert(try await fixture.key(account).id, at: 0)
      }
      let options = fixture.options(account)
      var seen: [String] = []
      var cursor: String?
      for expected in [2, 2, 1] {
        let page = try await fixture.gateway.listApiKeys(
          ListApiKeysRequest(cursor: cursor, limit: 2),
          options
        )
        #expect(page.data.count == expected)
        #expect(page.pagination.hasMore == (expected == 2))
        seen += page.data.map(\.id)
        cursor = page.pagination.nextCursor
      }
      #expect(cursor == nil)
      #expect(seen == ids)
    }
  }

  @Test @EventLoop func `another account's key, or another environment's, is not there`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      let other = try await fixture.account("Other")
      let key = try await fixture.key(account, .test)
      for options in [fixture.options(other), fixture.options(account, .live)] {
        let get = try await fault {
          try await fixture.gateway.getApiKey(GetApiKeyRequest(id: key.id), options)
        }
        #expect(get.reason == .notFound)
        let revoke = try await fault {
          try await fixture.gateway.revokeApiKey(RevokeApiKeyRequest(id: key.id), options)
        }
        #expect(revoke.reason == .notFound)
        let list = try await fixture.gateway.listApiKeys(ListApiKeysRequest(), options)
        #expect(list.data.isEmpty)
      }
    }
  }
}
