import EventLoop
import Faults
import Messages
import Primitives
import RPC
import SigningService
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct SealingTests {
  @Test @EventLoop func `every sealed column is listed, and opens at its own place only`()
    async throws
  {
    try await SigningFixture.with { fixture in
      try await fixture.sign()
      var options = fixture.options
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      _ = try await fixture.gateway.rotateSigningKey(RotateSigningKeyRequest(), options)
      let proof = try await SealingPlaceProof(
        fixture.test,
        schemas: ["signing", "changes"],
        tables: Signing.sealedTables,
        dataKeys: fixture.dataKeys,
        tenant: fixture.tenant
      )
      #expect(proof.failures == [])
      #expect(
        proof.columns == [
          "changes.idempotent_answers.sealed_answer", "signing.keys.sealed_seed",
        ]
      )
    }
  }
}
