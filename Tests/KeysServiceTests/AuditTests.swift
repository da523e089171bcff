import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

/// What the keys service's changes leave in the audit log, and what a repeated request gets.
@Suite(.onLoop) struct AuditTests {
  private func text(_ event: AuditEvent) -> String {
    String(decoding: (event.before ?? []) + (event.after ?? []), as: UTF8.self)
  }

  @Test @EventLoop func `accounts and keys leave lines, and none tells a secret`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      fixture.clock.advance(by: .milliseconds(1))
      let issued = try await fixture.key(account)
      fixture.clock.advance(by: .milliseconds(1))
      let options = fixture.options(account, key: issued.id)
      let made = try await fixture.gateway.createApiKey(CreateApiKeyRequest(name: "n"), options)
      fixture.clock.advance(by: .milliseconds(1))
      let revoke = RevokeApiKeyRequest(id: made.id)
      _ = try await fixture.gateway.revokeApiKey(revoke, options)
      _ = try await fixture.gateway.revokeApiKey(revoke, options)
      _ = try await fixture.operator.createAccount(
        CreateAccountRequest(accountId: account.description, name: "Atelier")
      )
      let lines = try await fixture.log()
      #expect(
        lines.map(\.action) == [
          "account.create", "apiKey.create", "apiKey.create", "apiKey.revoke",
        ]
      )
      #expect(
        lines.map(\.resourceId) == [account.description, issued.id, made.id, made.id]
      )
      let keyholder = AuditEvent.Actor(kind: .apiKey, id: issued.id)
      let byOperator = AuditEvent.Actor(kind: .operator, id: nil)
      #expect(lines.map(\.actor) == [byOperator, byOperator, keyholder, keyholder])
      let signing = try await fixture.gateway.getResponseSigningKey(GetResponseSigningKeyRequest())
      for secret in [issued.key, made.key, signing.signingKey] {
        let secret = try #require(secret)
        for line in lines { #expect(!text(line).contains(secret)) }
      }
      for line in lines {
        #expect(!text(line).contains(#""key":"#))
        #expect(!text(line).contains("signingKey"))
      }
      #expect(text(lines[2]).contains(made.hint))
      #expect(lines[3].before != nil)
    }
  }

  @Test @EventLoop func `what is refused leaves no line`() async throws {
    try await KeysFixture.with { fixture in
      let nobody = UUID.v7()
      _ = try await fault { try await fixture.key(nobody) }
      _ = try await fault {
        try await fixture.gateway.revokeApiKey(
          RevokeApiKeyRequest(id: nobody.description),
          fixture.options(nobody)
        )
      }
      #expect(try await fixture.log().isEmpty)
    }
  }

  @Test @EventLoop func `a repeated request makes one key and shows the same one`() async throws {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      var options = fixture.options(account)
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      let request = CreateApiKeyRequest(name: "n")
      let made = try await fixture.gateway.createApiKey(request, options)
      #expect(made.key != nil)
      #expect(try await fixture.gateway.createApiKey(request, options) == made)
      let listed = try await fixture.gateway.listApiKeys(
        ListApiKeysRequest(),
        fixture.options(account)
      )
      #expect(listed.data.map(\.id) == [made.id])
      let row = try await fixture.test.open().read(
        "select sealed_answer from changes.idempotent_answers"
      ).single()
      let sealed: [UInt8] = try row.value(0)
      #expect(!sealed.contains(Array(try #require(made.key).utf8)))
      options.caller?.requestHash = [UInt8](repeating: 3, count: 32)
      let other = options
      let fault = try await fault {
        try await fixture.gateway.createApiKey(CreateApiKeyRequest(name: "m"), other)
      }
      #expect(fault.reason == .conflict)
    }
  }
}
