import EventLoop
import Faults
import LicensesService
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct SealingTests {
  @Test @EventLoop func `every sealed column is listed, and opens at its own place only`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      try await fixture.fillEveryTable()
      let proof = try await SealingPlaceProof(
        fixture.test,
        schemas: ["licenses", "changes", "events"],
        tables: Licenses.sealedTables,
        dataKeys: fixture.service.dataKeys,
        tenant: fixture.tenant
      )
      #expect(proof.failures == [])
      #expect(
        proof.columns == [
          "changes.idempotent_answers.sealed_answer", "licenses.licenses.sealed_file_secret",
          "licenses.licenses.sealed_key",
        ]
      )
    }
  }

  /// Also by the one way in which an API shows a stored key.
  @Test @EventLoop func `a key that was moved to another license is not shown`() async throws {
    try await LicensesFixture.with { fixture in
      let one = try await fixture.license()
      let two = try await fixture.license()
      let oneID = try #require(UUID(one.id))
      let twoID = try #require(UUID(two.id))
      try await fixture.test.open().query(
        """
        update licenses.licenses set sealed_key =
          (select sealed_key from licenses.licenses where id = \(oneID)) where id = \(twoID)
        """
      )
      let client = try fixture.client
      let shown = try await client.revealLicenseKey(
        RevealLicenseKeyRequest(id: one.id),
        fixture.options
      )
      #expect(shown.key == one.key)
      let fault = try await fault {
        try await client.revealLicenseKey(RevealLicenseKeyRequest(id: two.id), fixture.options)
      }
      #expect(fault.code == .dataLoss)
      #expect(!fault.message.contains(try #require(one.key)))
    }
  }
}
