import Cryptography
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct LicenseStorageTests {
  @Test @EventLoop func `no license key is in the database in clear`() async throws {
    try await LicensesFixture.with { fixture in
      let key = try #require(try await fixture.license().key)
      let rows = try await fixture.test.open().read(
        """
        select string_agg(t, ' ') from (
          select l::text t from licenses.licenses l union all
          select h::text from licenses.license_key_hashes h union all
          select o::text from events.outbox o) x
        """
      )
      let text: String = try rows.single().value(0)
      let hex = key.utf8.map { String($0, radix: 16) }.joined()
      #expect(!text.contains(key))
      #expect(!text.contains(hex))
    }
  }

  /// What offline files and a later reveal stand on: the secrets open again, at their own place only.
  @Test @EventLoop func `the sealed key and file secret open with the master key`() async throws {
    let masterKeys = MasterKeys.random()
    try await LicensesFixture.with(masterKeys: masterKeys) { fixture in
      let license = try await fixture.license()
      let key = try #require(license.key)
      let row = try await fixture.test.open().read(
        """
        select l.id, l.sealed_key, l.sealed_file_secret, d.version, d.wrapped_key
        from licenses.licenses l join licenses.data_keys d using (account_id)
        """
      ).single()
      let (id, sealedKey, sealedSecret, version, wrapped) = try row.values(
        UUID.self,
        [UInt8].self,
        [UInt8].self,
        Int32.self,
        [UInt8].self
      )
      let account = fixture.tenant.accountID
      let dataKey = try Sealer(masterKeys: masterKeys).unwrap(
        WrappedDataKey(accountID: account, version: UInt32(version), bytes: wrapped)
      )
      func place(_ column: String) -> SealingContext {
        SealingContext(accountID: account, table: "licenses.licenses", column: column, rowID: id)
      }
      #expect(try dataKey.open(sealedKey, in: place("sealed_key")) == Array(key.utf8))
      let secret = try dataKey.open(sealedSecret, in: place("sealed_file_secret"))
      #expect(secret == LicenseKey.fileSecret(of: key))
      #expect(throws: Fault.self) {
        try dataKey.open(sealedKey, in: place("sealed_file_secret"))
      }
    }
  }

  @Test @EventLoop func `an account's first licenses, made at once, share one data key`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      let policy = try await fixture.policy(of: product)
      let client = try fixture.client
      let options = fixture.options
      let request = CreateLicenseRequest(productId: product.id, policyId: policy.id)
      let made = (0..<8).map { _ in
        EventLoop.spawn { try? await client.createLicense(request, options) }
      }
      for task in made { #expect(await task.value != nil) }
      let row = try await fixture.test.open().read("select count(*) from licenses.data_keys")
        .single()
      #expect(try row.value(0) == 1 as Int)
    }
  }

  @Test @EventLoop func `issuing a license writes its event, and a refusal writes none`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      _ = try await fault { try await fixture.license({ $0.entitlementIds = [license.id] }) }
      let row = try await fixture.test.open().read(
        "select account_id, environment, type, license_id, sequence, payload from events.outbox"
      ).single()
      let (account, environment, type, id, sequence, payload) = try row.values(
        UUID.self,
        Environment.self,
        String.self,
        UUID.self,
        Int64.self,
        [UInt8].self
      )
      #expect(Tenant(accountID: account, environment: environment) == fixture.tenant)
      #expect(type == "license.created")
      #expect(id.description == license.id)
      #expect(sequence == 1)
      let event = try payload.withUnsafeBytes { try License(decoding: $0) }
      #expect(event.key == nil)
      #expect(event.id == license.id)
      #expect(event.policy?.id == license.policyId)
    }
  }
}
