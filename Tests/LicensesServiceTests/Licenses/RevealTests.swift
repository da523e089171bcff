import Cryptography
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct RevealTests {
  @EventLoop private func reveal(
    _ license: String,
    _ fixture: LicensesFixture,
    _ options: CallOptions? = nil
  ) async throws -> RevealedLicenseKey {
    try await fixture.client.revealLicenseKey(
      RevealLicenseKeyRequest(id: license),
      options ?? fixture.options
    )
  }

  @Test @EventLoop func `a key is shown as it was issued, and each time leaves a line without it`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let key = try #require(license.key)
      #expect(license.keyStored)
      for _ in 0..<2 {
        fixture.clock.advance(by: .milliseconds(1))
        let shown = try await reveal(license.id, fixture)
        #expect(shown == RevealedLicenseKey(id: license.id, key: key))
      }
      let lines = try await fixture.audited(license.id)
      #expect(lines.map(\.action) == ["license.create", "license.reveal", "license.reveal"])
      let rows = try await fixture.test.open().read(
        "select string_agg(encode(entry, 'escape'), ' ') from changes.audit_entries"
      )
      let log: String = try rows.single().value(0)
      #expect(!log.contains(key))
    }
  }

  @Test @EventLoop func `a reveal that is sent again leaves a line again`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let options = fixture.options(idempotencyKey: 1)
      for _ in 0..<3 {
        #expect(try await reveal(license.id, fixture, options).key == license.key)
      }
      let lines = try await fixture.audited(license.id).map(\.action)
      #expect(lines.count { $0 == "license.reveal" } == 3)
      let request = DeleteLicenseRequest(id: license.id)
      _ = try await fixture.client.deleteLicense(request, fixture.options)
      #expect(try await fault { try await reveal(license.id, fixture, options) }.code == .notFound)
    }
  }

  /// Also the answers that are kept for requests that are sent again show no key any more.
  @Test @EventLoop func `what is not stored is shown by no request that is sent again`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let create = CreateLicenseRequest(productId: product.id, policyId: policy.id)
      let bulk = CreateLicensesRequest(licenses: [create, create, create])
      let one = fixture.options(idempotencyKey: 1)
      let many = fixture.options(idempotencyKey: 2)
      let first = try await fixture.client.createLicense(create, one)
      let list = try await fixture.client.createLicenses(bulk, many)
      #expect(first.key != nil && Set(list.data.map(\.key)).count == 3)
      #expect(try await fixture.client.createLicense(create, one) == first)
      #expect(try await fixture.client.createLicenses(bulk, many) == list)
      // One is gone, then all keys are.
      let deletion = DeleteLicenseRequest(id: list.data[1].id)
      _ = try await fixture.client.deleteLicense(deletion, fixture.options)
      let shown = try await fixture.client.createLicenses(bulk, many).data
      #expect(shown.map(\.key) == [list.data[0].key, nil, list.data[2].key])
      _ = try await fixture.client.updateProduct(
        UpdateProductRequest(id: product.id, storeKeys: false),
        fixture.options
      )
      var expected = first
      expected.key = nil
      expected.keyStored = false
      #expect(try await fixture.client.createLicense(create, one) == expected)
      let hidden = try await fixture.client.createLicenses(bulk, many).data
      #expect(hidden.allSatisfy { $0.key == nil && !$0.keyStored })
      // A product that keeps none shows a key once.
      let three = fixture.options(idempotencyKey: 3)
      #expect(try await fixture.client.createLicense(create, three).key != nil)
      #expect(try await fixture.client.createLicense(create, three).key == nil)
    }
  }

  @Test @EventLoop func `a license in any state shows its key, until it is deleted`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      _ = try await fixture.client.banLicense(
        LicenseActionRequest(id: license.id),
        fixture.options
      )
      #expect(try await reveal(license.id, fixture).key == license.key)
      let request = DeleteLicenseRequest(id: license.id)
      _ = try await fixture.client.deleteLicense(request, fixture.options)
      #expect(try await fault { try await reveal(license.id, fixture) }.reason == .notFound)
      let row = try await fixture.test.open().read("select sealed_key from licenses.licenses")
        .single()
      #expect(try row.value(0) as [UInt8]? == nil)
    }
  }

  @Test @EventLoop func `another tenant's key is not found, and nothing is logged`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      for stranger in fixture.strangers {
        let fault = try await fault {
          try await reveal(license.id, fixture, fixture.options(stranger))
        }
        #expect(fault.reason == .notFound)
      }
      #expect(try await fixture.audited(license.id).map(\.action) == ["license.create"])
    }
  }

  @Test @EventLoop func `the key of a license imported by its hash cannot be shown`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let hash = Hex.encode(SHA256.hash("OLD-1"))
      let file = "key,keyHash\n,\(hash)\nOLD-2,\n"
      _ = try await fixture.importing([file], product: product, policy: policy)
      let list = try await fixture.client.listLicenses(ListLicensesRequest(), fixture.options).data
      #expect(list.map(\.keyStored).sorted { !$0 && $1 } == [false, true])
      for license in list {
        if license.keyStored {
          #expect(try await reveal(license.id, fixture).key == "OLD-2")
        } else {
          let fault = try await fault { try await reveal(license.id, fixture) }
          #expect(fault.reason == .businessRuleViolation)
          #expect(fault.message.contains("not stored"))
        }
      }
    }
  }

  /// Whoever can write to the database must not be able to read a key through a license of their own.
  @Test(arguments: [
    "update licenses.licenses l set sealed_key = o.sealed_key from licenses.licenses o where o.id <> l.id",
    "update licenses.licenses set sealed_key = sealed_file_secret",
    "update licenses.licenses set sealed_key = set_byte(sealed_key, 20, get_byte(sealed_key, 20) # 1)",
    "update licenses.licenses set sealed_key = ''",
  ])
  @EventLoop func `what was moved or changed is an error and never a key`(sql: String)
    async throws
  {
    try await LicensesFixture.with { fixture in
      let licenses = [try await fixture.license(), try await fixture.license()]
      try await fixture.test.open().query("\(unescaped: sql)")
      for license in licenses {
        let fault = try await fault { try await reveal(license.id, fixture) }
        #expect(fault.reason == .internalError)
        #expect(try await fixture.audited(license.id).map(\.action) == ["license.create"])
      }
    }
  }

  @Test @EventLoop func `a sealed key of another account is an error, also with its row's id`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let stranger = fixture.strangers[1]
      let product = try await fixture.product("other", stranger)
      let policy = try await fixture.client.createPolicy(
        CreatePolicyRequest(productId: product.id, name: "p", template: .desktopApp),
        fixture.options(stranger)
      )
      let other = try await fixture.client.createLicense(
        CreateLicenseRequest(productId: product.id, policyId: policy.id),
        fixture.options(stranger)
      )
      // The whole row takes the other account's place, its id included.
      try await fixture.test.open().query(
        """
        update licenses.licenses set id = \(UUID(license.id)),
          sealed_key = (select sealed_key from licenses.licenses where id = \(UUID(license.id)))
        where id = \(UUID(other.id))
        """
      )
      let fault = try await fault {
        try await reveal(license.id, fixture, fixture.options(stranger))
      }
      #expect(fault.reason == .internalError)
      #expect(try await reveal(license.id, fixture).key == license.key)
    }
  }
}
