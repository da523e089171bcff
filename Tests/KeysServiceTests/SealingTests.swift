import EventLoop
import Faults
import KeysService
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct SealingTests {
  @Test @EventLoop func `every sealed column is listed, and opens at its own place only`()
    async throws
  {
    try await KeysFixture.with { fixture in
      let account = try await fixture.account()
      var options = fixture.options(account, .live)
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      _ = try await fixture.gateway.createApiKey(CreateApiKeyRequest(name: "n"), options)
      let member = try await fixture.join(account)
      _ = try await fixture.enableSecondFactor(member)
      let proof = try await SealingPlaceProof(
        fixture.test,
        schemas: ["keys", "changes"],
        tables: Keys.sealedTables,
        dataKeys: fixture.keys.dataKeys,
        tenant: Tenant(accountID: account, environment: .live)
      )
      #expect(proof.failures == [])
      #expect(
        proof.columns == [
          "changes.idempotent_answers.sealed_answer", "keys.response_signing_keys.sealed_secret",
          "keys.second_factors.sealed_totp_secret",
        ]
      )
    }
  }
}
