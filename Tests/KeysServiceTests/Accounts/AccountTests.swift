import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct AccountTests {
  @Test @EventLoop func `an account comes with its response-signing key`() async throws {
    try await KeysFixture.with { fixture in
      let id = UUID.v7()
      let account = try await fixture.operator.createAccount(
        CreateAccountRequest(accountId: id.description, name: "Atelier")
      )
      #expect(account.id == id.description)
      #expect(account.name == "Atelier")
      #expect(account.createdAt == fixture.clock.now.milliseconds)
      #expect(account.signingKey.contains(/^[0-9a-f]{64}$/))
      let signing = try await fixture.gateway.getResponseSigningKey(
        GetResponseSigningKeyRequest(accountId: id.description)
      )
      #expect(signing.signingKey == account.signingKey)
      #expect(signing.accountId == id.description)
    }
  }

  /// A first start that died half-way is repeated, and must not end with other secrets.
  @Test @EventLoop func `creating an account again answers with the one that is there`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let request = CreateAccountRequest(accountId: UUID.v7().description, name: "Atelier")
      let first = try await fixture.operator.createAccount(request)
      fixture.clock.advance(by: .seconds(60))
      var second = request
      second.name = "Another name"
      #expect(try await fixture.operator.createAccount(second) == first)
    }
  }

  @Test @EventLoop func `creating one account many times at once makes one`() async throws {
    try await KeysFixture.with { fixture in
      let request = CreateAccountRequest(accountId: UUID.v7().description, name: "Atelier")
      let client = try fixture.operator
      let made = (0..<16).map { _ in
        EventLoop.spawn { try? await client.createAccount(request) }
      }
      var keys: Set<String> = []
      for task in made {
        let account = await task.value
        keys.insert(try #require(account).signingKey)
      }
      #expect(keys.count == 1)
      let count = try await fixture.test.open().read("select count(*) from keys.accounts").single()
      #expect(try count.value(0) == 1 as Int)
    }
  }

  @Test @EventLoop func `the only account's signing key is found without naming it`() async throws {
    try await KeysFixture.with { fixture in
      let none = try await fault {
        try await fixture.gateway.getResponseSigningKey(GetResponseSigningKeyRequest())
      }
      #expect(none.code == .notFound)
      let only = try await fixture.account()
      let found = try await fixture.gateway.getResponseSigningKey(GetResponseSigningKeyRequest())
      #expect(found.accountId == only.description)
      let second = try await fixture.account("Second")
      let several = try await fault {
        try await fixture.gateway.getResponseSigningKey(GetResponseSigningKeyRequest())
      }
      #expect(several.code == .notFound)
      let named = try await fixture.gateway.getResponseSigningKey(
        GetResponseSigningKeyRequest(accountId: second.description)
      )
      #expect(named.signingKey != found.signingKey)
    }
  }

  @Test @EventLoop func `an unknown account has no signing key`() async throws {
    try await KeysFixture.with { fixture in
      let fault = try await fault {
        try await fixture.gateway.getResponseSigningKey(
          GetResponseSigningKeyRequest(accountId: UUID.v7().description)
        )
      }
      #expect(fault.code == .notFound)
      #expect(fault.reason == .notFound)
    }
  }

  @Test(arguments: ["", String(repeating: "n", count: 256)])
  @EventLoop func `a bad name is refused`(name: String) async throws {
    try await KeysFixture.with { fixture in
      let fault = try await fault {
        try await fixture.operator.createAccount(
          CreateAccountRequest(accountId: UUID.v7().description, name: name)
        )
      }
      #expect(fault.code == .invalidArgument)
      #expect(fault.issues.map(\.path) == [["name"]])
    }
  }

  @Test @EventLoop func `no secret is in the database in clear`() async throws {
    try await KeysFixture.with { fixture in
      let id = try await fixture.account()
      let signing = try await fixture.gateway.getResponseSigningKey(GetResponseSigningKeyRequest())
      let key = try #require(try await fixture.key(id).key)
      let rows = try await fixture.test.open().read(
        """
        select string_agg(t, ' ') from (
          select a::text t from keys.accounts a union all select d::text from keys.data_keys d
          union all select s::text from keys.response_signing_keys s
          union all select k::text from keys.api_keys k
          union all select h::text from keys.api_key_hashes h) x
        """
      )
      let text: String = try rows.single().value(0)
      #expect(!text.contains(key.dropFirst(12)))
      #expect(!text.contains(signing.signingKey))
      let hex = signing.signingKey.utf8.map { String($0, radix: 16) }.joined()
      #expect(!text.contains(hex))
    }
  }
}
