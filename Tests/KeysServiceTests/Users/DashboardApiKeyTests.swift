import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@testable import KeysService

/// API keys as users make them.
@Suite(.onLoop) struct DashboardApiKeyTests {
  @Test @EventLoop func `a user makes a key, and is shown what goes with it by both names`()
    async throws
  {
    try await KeysFixture.withSigning { fixture, signing in
      let account = try await fixture.account()
      let owner = try await fixture.join(account)
      for environment in [Caller.Environment.test, .live] {
        let made = try await fixture.gateway.createDashboardApiKey(
          CreateApiKeyRequest(name: "Shop"),
          fixture.options(owner, environment)
        )
        #expect(made.plainKey?.hasPrefix(environment == .live ? "lk_live_" : "lk_test_") == true)
        #expect(made.plainKey == made.plainKeySnake)
        let response = try await fixture.gateway.getResponseSigningKey(
          GetResponseSigningKeyRequest(accountId: account.description)
        )
        #expect(
          made.signingKey == response.signingKey && made.signingKeySnake == response.signingKey
        )
        let files = try await signing.getPublicKeys(
          GetPublicKeysRequest(
            accountId: account.description,
            environment: environment == .live ? .live : .test
          )
        )
        #expect(
          made.publicKey == files.activePublicKey && made.publicKeySnake == files.activePublicKey
        )
        #expect(made.fullAccess && made.createdBy == owner.id.description)
        let key = ApiKey(
          id: made.id,
          key: made.plainKey,
          name: "",
          hint: "",
          environment: .test,
          fullAccess: true,
          createdAt: 0
        )
        #expect(try await fixture.verdict(on: key).verdict == .valid)
      }
      // It shows the account's secret as well, each time.
      let shown = try await fixture.log().filter { $0.action == "responseSigningKey.show" }
      #expect(shown.count == 2)
      #expect(shown.allSatisfy { $0.actor == .init(kind: .user, id: owner.id.description) })
      let lines = try await fixture.log().filter { $0.action == "apiKey.create" }
      #expect(lines.allSatisfy { $0.actor == .init(kind: .user, id: owner.id.description) })
      for line in lines {
        let text = String(decoding: line.after ?? [], as: UTF8.self)
        #expect(!text.contains("plain") && !text.contains("signing"))
      }
    }
  }

  @Test @EventLoop func `no key is made while what goes with it cannot be shown`() async throws {
    try await KeysFixture.with { fixture in
      let owner = try await fixture.join(try await fixture.account())
      let gateway = try fixture.gateway
      let refused = try await fault {
        _ = try await gateway.createDashboardApiKey(
          CreateApiKeyRequest(name: "Shop"),
          fixture.options(owner)
        )
      }
      #expect(refused.code == .unavailable)
      #expect(try await !fixture.log().contains { $0.action == "apiKey.create" })
    }
  }

  @Test @EventLoop func `nobody gives a key more than their role has`() async throws {
    try await KeysFixture.withSigning { fixture, _ in
      let developer = try await fixture.join(try await fixture.account(), .developer)
      let gateway = try fixture.gateway
      @EventLoop func make(_ scopes: [String], _ environment: Caller.Environment = .test)
        async throws
      {
        _ = try await gateway.createDashboardApiKey(
          CreateApiKeyRequest(name: "n", scopes: scopes),
          fixture.options(developer, environment)
        )
      }
      try await make(["licenses:write", "keys:write"])
      for scopes in [[], ["audit:read"], ["licenses:read", "audit:read"]] {
        #expect(try await fault { try await make(scopes) }.reason == .forbidden)
      }
      // Keys of live data are not theirs to make.
      #expect(try await fault { try await make(["licenses:read"], .live) }.reason == .forbidden)
      let mixed = try await fault {
        _ = try await gateway.createDashboardApiKey(
          CreateApiKeyRequest(name: "n", scopes: ["licenses:read"], environment: .live),
          fixture.options(developer)
        )
      }
      #expect(mixed.issues.map(\.path) == [["environment"]])
    }
  }
}
