import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct KeyStorageTests {
  @EventLoop private func store(_ keys: Bool?, of product: String, _ fixture: LicensesFixture)
    async throws -> Product
  {
    try await fixture.client.updateProduct(
      UpdateProductRequest(id: product, presentNames: ["storeKeys"], storeKeys: keys),
      fixture.options
    )
  }

  @EventLoop private func keyStored(_ license: License, _ fixture: LicensesFixture) async throws
    -> Bool
  {
    try await fixture.client.getLicense(GetLicenseRequest(id: license.id), fixture.options)
      .keyStored
  }

  /// How many licenses have a sealed key, and how many a sealed file secret.
  @EventLoop private func counts(_ fixture: LicensesFixture) async throws -> [Int] {
    let row = try await fixture.test.open().read(
      "select count(sealed_key), count(sealed_file_secret) from licenses.licenses"
    ).single()
    return [try row.value(0), try row.value(1)]
  }

  @EventLoop private func license(of product: Product, _ policy: Policy, _ fixture: LicensesFixture)
    async throws -> License
  {
    try await fixture.client.createLicense(
      CreateLicenseRequest(productId: product.id, policyId: policy.id),
      fixture.options
    )
  }

  @Test @EventLoop func `a product that stores no keys has none from the beginning`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.client.createProduct(
        CreateProductRequest(name: "A", code: "a", storeKeys: false),
        fixture.options
      )
      #expect(!product.storeKeys)
      let policy = try await fixture.policy(of: product)
      let made = try await license(of: product, policy, fixture)
      #expect(made.key != nil)
      #expect(!made.keyStored)
      _ = try await fixture.importing(["key\nOLD-1\n"], product: product, policy: policy)
      #expect(try await counts(fixture) == [0, 2])
      #expect(try await !keyStored(made, fixture))
      #expect(try await fixture.validate(#require(made.key)).0.valid)
      let fault = try await fault {
        try await fixture.client.revealLicenseKey(
          RevealLicenseKeyRequest(id: made.id),
          fixture.options
        )
      }
      #expect(fault.reason == .businessRuleViolation)
    }
  }

  @Test @EventLoop func `switching off erases what is stored, of this product alone`() async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      #expect(product.storeKeys)
      let made = try await license(of: product, policy, fixture)
      let other = try await fixture.license()
      #expect(try await !store(false, of: product.id, fixture).storeKeys)
      #expect(try await counts(fixture) == [1, 2])
      #expect(try await !keyStored(made, fixture))
      #expect(try await keyStored(other, fixture))
      #expect(try await !license(of: product, policy, fixture).keyStored)
      // On again holds for what comes then.
      _ = try await store(true, of: product.id, fixture)
      #expect(try await license(of: product, policy, fixture).keyStored)
      #expect(try await counts(fixture) == [2, 4])
      let fault = try await fault { try await store(nil, of: product.id, fixture) }
      #expect(fault.issues.map(\.path) == [["storeKeys"]])
    }
  }

  @Test @EventLoop func `too many keys for one change are erased by several, and none is missed`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      _ = try await license(of: product, policy, fixture)
      try await fixture.test.open().query(
        """
        insert into licenses.licenses (account_id, environment, id, product_id, policy_id, status,
          sealed_key, event_sequence, created_at, updated_at)
        select account_id, environment, gen_random_uuid(), product_id, policy_id, status,
          sealed_key, event_sequence, created_at, updated_at
        from licenses.licenses, generate_series(1, 20004)
        """
      )
      let fault = try await fault { try await store(false, of: product.id, fixture) }
      #expect(fault.reason == .businessRuleViolation)
      #expect(fault.message.contains("20000 were erased"))
      #expect(try await counts(fixture)[0] == 5)
      let request = GetProductRequest(id: product.id)
      #expect(try await fixture.client.getProduct(request, fixture.options).storeKeys)
      #expect(try await !store(false, of: product.id, fixture).storeKeys)
      #expect(try await counts(fixture)[0] == 0)
      #expect(
        try await fixture.audited(product.id).map(\.action) == [
          "product.create", "product.erase-keys", "product.update",
        ]
      )
    }
  }

  /// Neither a license that is being issued nor a file that is being imported may come past the switch.
  @Test @EventLoop func `keys that are issued during the switch are not stored after it`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let client = try fixture.client
      let options = fixture.options
      let request = CreateLicenseRequest(productId: product.id, policyId: policy.id)
      let tasks = (0..<16).map { _ in
        EventLoop.spawn { _ = try? await client.createLicense(request, options) }
      }
      _ = try await store(false, of: product.id, fixture)
      for task in tasks { await task.value }
      #expect(try await counts(fixture) == [0, 16])
    }
  }
}
