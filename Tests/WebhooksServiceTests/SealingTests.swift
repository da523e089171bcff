import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing
import WebhooksService

@Suite(.onLoop) struct SealingTests {
  @Test @EventLoop func `every sealed column is listed, and opens at its own place only`()
    async throws
  {
    try await WebhooksFixture.with { fixture in
      let made = try await fixture.webhook(EndpointTests.url)
      var options = fixture.options
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      _ = try await fixture.client.rotateWebhookSecret(
        RotateWebhookSecretRequest(id: made.id),
        options
      )
      let proof = try await SealingPlaceProof(
        fixture.test,
        schemas: ["webhooks", "changes"],
        tables: Webhooks.sealedTables,
        dataKeys: fixture.service.dataKeys,
        tenant: fixture.tenant
      )
      #expect(proof.failures == [])
      #expect(
        proof.columns == [
          "changes.idempotent_answers.sealed_answer",
          "webhooks.endpoints.sealed_previous_secret",
          "webhooks.endpoints.sealed_secret",
        ]
      )
    }
  }
}
