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

@testable import LicensesService

extension LicensesFixture {
  /// Imports a file given in parts.
  func importing(
    _ parts: [String],
    product: Product? = nil,
    policy: Policy? = nil,
    dryRun: Bool? = nil,
    _ options: CallOptions? = nil
  ) async throws -> ImportLicensesResponse {
    let call = try await client.importLicenses(options ?? self.options)
    try await call.send(
      ImportLicensesRequest(productId: product?.id, policyId: policy?.id, dryRun: dryRun)
    )
    for part in parts { try await call.send(ImportLicensesRequest(data: Array(part.utf8))) }
    call.finishSending()
    let response = try await call.next()
    return try #require(response)
  }
}

@Suite(.onLoop) struct ImportLicensesTests {
  private func hash(_ key: String) -> String { Hex.encode(SHA256.hash(key)) }

  @Test @EventLoop func `licenses keep the keys, states and counts they had`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue { $0.maxMachines = 2 }
      let (other, otherPolicy) = try await fixture.catalogue { $0.expirationStrategy = .revoke }
      let hashed = hash("an old key, kept as a hash only")
      let file = """
        key,keyHash,productCode,policyId,name,userEmail,userName,expiresAt,status,maxUsesOverride,usesCount,metadata
        OLD/1 with blanks,,,,"Seat, one",Pat@studio.example,Pat,2099-01-01T00:00:00Z,,7,3,"{""order"": ""A-1""}"
        lic-0000-1111-2222-3333,,,,,,,,suspended,,,
        ,\(hashed),,,,,,,revoked,,,
        BANNED,,,,,,,,banned,,,
        PAST,,,,,,,2020-01-01T00:00:00.000Z,expired,,,
        PAST-2,,,,,,,2020-01-01T00:00:00.000Z,,,,
        PAST-3,,\(other.code),\(otherPolicy.id),,,,2020-01-01T00:00:00.000Z,active,,,
        FOREVER,,,,,,,,active,,,

        """
      let response = try await fixture.importing([file], product: product, policy: policy)
      #expect(response.issues == [])
      #expect(response.rows == 8)
      #expect(response.imported == 8)
      #expect(!response.dryRun)
      let now = fixture.clock.now.milliseconds
      let rows: [(String, License.Status)] = [
        ("OLD/1 with blanks", .active), ("LIC-0000-1111-2222-3333", .suspended),
        ("lic-OOOO-1l11-2222-3333", .suspended), ("an old key, kept as a hash only", .revoked),
        ("BANNED", .banned), ("PAST", .expired), ("PAST-2", .expired), ("PAST-3", .revoked),
        ("FOREVER", .active),
      ]
      var found: [License] = []
      for (key, status) in rows {
        let license = try await fixture.client.getLicenseByKey(
          GetLicenseByKeyRequest(key: key),
          fixture.options
        )
        #expect(license.status == status, "\(key)")
        #expect(license.key == nil)
        #expect(license.createdAt == now)
        found.append(license)
      }
      #expect(found[0].name == "Seat, one")
      #expect(found[0].userEmail == "Pat@studio.example")
      #expect(found[0].maxUsesOverride == 7)
      #expect(found[0].usesCount == 3)
      #expect(found[0].expiresAt == Timestamp(iso8601: "2099-01-01T00:00:00Z")?.milliseconds)
      #expect(found[1].suspendedAt == now)
      #expect(found[3].revokedAt == now)
      #expect(found[4].bannedAt == now)
      #expect(found[7].productId == other.id)
      #expect(try await fixture.validate("OLD/1 with blanks").0.valid)
      for license in found {
        #expect(try await fixture.events(of: license).first == "license.created")
        #expect(try await fixture.audited(license.id).first?.action == "license.create")
      }
      let listed = try await fixture.client.listLicenses(
        ListLicensesRequest(metadataKey: "order", metadataValue: "A-1"),
        fixture.options
      )
      #expect(listed.data.map(\.id) == [found[0].id])
      let products = try await fixture.client.listProducts(ListProductsRequest(), fixture.options)
      #expect(products.data.map(\.licensesCount).sorted() == [1, 7])
      let customers = try await fixture.client.listCustomers(
        ListCustomersRequest(),
        fixture.options
      )
      #expect(customers.data.map(\.email) == ["Pat@studio.example"])
      #expect(
        try await fixture.count("select count(*) from licenses.licenses where sealed_key is null")
          == 1
      )
    }
  }

  @Test @EventLoop func `a file of many batches is imported in parts of any size`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue { $0.durationDays = 30 }
      let lines = (0..<1_234).map { "KEY-\($0),user\($0 % 40)@studio.example\r\n" }
      let file = "\u{FEFF}key,userEmail\r\n" + lines.joined()
      var parts: [String] = []
      var rest = Array(file.utf8)[...]
      while !rest.isEmpty {
        parts.append(String(decoding: rest.prefix(997), as: UTF8.self))
        rest = rest.dropFirst(997)
      }
      let response = try await fixture.importing(parts, product: product, policy: policy)
      #expect(response.imported == 1_234)
      // Without a column for it, the policy says when they expire.
      let license = try await fixture.client.getLicenseByKey(
        GetLicenseByKeyRequest(key: "KEY-1233"),
        fixture.options
      )
      #expect(license.expiresAt == fixture.clock.now.milliseconds + 30 * 86_400_000)
      #expect(try await fixture.count("select count(*) from licenses.customers") == 40)
      #expect(
        try await fixture.count(
          "select count(*) from changes.audit_entries where action = 'license.create'"
        )
          == 1_234
      )
    }
  }

  /// A cell and what is said of it.
  private static let badRows: [(row: String, column: String?, code: String)] = [
    ("a,,x,,,,", "productId", "invalid_string"),
    ("b,,00000000-0000-0000-0000-000000000000,,,,", nil, "REFERENCE_NOT_FOUND"),
    ("c,,,nobody,,,", "userEmail", "invalid_string"),
    ("d,,,,2020-01-01,,", "expiresAt", "invalid_string"),
    ("e,,,,,gone,", "status", "invalid_enum_value"),
    ("f,,,,,expired,", "status", "custom"),
    ("g,,,,,,[1]", "metadata", "invalid_type"),
    ("h,,,,,,{", "metadata", "invalid_string"),
    ("i,,,,,,\"{\"\"a\"\":1,\"\"a\"\":2}\"", "metadata", "invalid_string"),
    ("j,,", nil, "invalid_type"),
    (",,,,,,", "key", "invalid_type"),
    ("k,\(String(repeating: "0", count: 64)),,,,,", "keyHash", "invalid_type"),
    (",abc,,,,,", "keyHash", "too_small"),
    ("\(String(repeating: "x", count: 256)),,,,,,", "key", "too_big"),
  ]

  @Test @EventLoop func `every bad row is told, and nothing is kept`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let existing = try #require(try await fixture.license().key)
      let stranger = fixture.strangers[1]
      let foreignProduct = try await fixture.product("foreign", prefix: nil, stranger)
      let foreignPolicy = try await fixture.client.createPolicy(
        CreatePolicyRequest(productId: foreignProduct.id, name: "n", maxMachines: 1),
        fixture.options(stranger)
      )
      let foreign = try #require(
        try await fixture.client.createLicense(
          CreateLicenseRequest(productId: foreignProduct.id, policyId: foreignPolicy.id),
          fixture.options(stranger)
        ).key
      )
      let header = "key,keyHash,productId,userEmail,expiresAt,status,metadata\n"
      let file =
        header + "good,,,,,,\n" + Self.badRows.map(\.row).joined(separator: "\n")
        + "\ngood,,,,,,\n,\(hash("good")),,,,,\n\(existing.lowercased()),,,,,,\n\(foreign),,,,,,\n"
      let response = try await fixture.importing([file], product: product, policy: policy)
      #expect(response.imported == 0)
      #expect(response.rows == Int64(Self.badRows.count) + 5)
      #expect(response.badRows == Int64(Self.badRows.count) + 4)
      for (index, bad) in Self.badRows.enumerated() {
        let issue = response.issues.first { $0.line == Int64(index + 3) }
        #expect(issue?.column == bad.column, "\(bad.row)")
        #expect(issue?.code == bad.code, "\(bad.row)")
      }
      let last = response.issues.suffix(4)
      #expect(last.map(\.column) == ["key", "keyHash", "key", "key"])
      #expect(last.allSatisfy { $0.code == "duplicate" })
      #expect(
        last.map(\.message) == [
          "The key is in line 2 already", "The key is in line 2 already",
          "A license with this key exists already", "A license with this key exists already",
        ]
      )
      #expect(response.issues.map(\.line) == response.issues.map(\.line).sorted())
      #expect(!response.issues.contains { $0.message.contains(foreign) })
      #expect(try await fixture.count("select count(*) from licenses.licenses") == 2)
      #expect(try await fixture.count("select count(*) from licenses.license_key_hashes") == 2)
      #expect(try await fixture.count("select count(*) from events.outbox") == 2)
    }
  }

  @Test @EventLoop func `a key that is in an earlier batch is told, and issues are bounded`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let keys = (0..<1_200).map { "KEY-\($0)\n" }
      let response = try await fixture.importing(
        ["key\n" + keys.joined() + keys.joined()],
        product: product,
        policy: policy
      )
      #expect(response.rows == 2_400)
      #expect(response.badRows == 1_200)
      #expect(response.issues.count == 1_000)
      #expect(response.issues.first?.line == 1_202)
      #expect(response.issues.first?.message == "The key is in an earlier line already")
    }
  }

  @Test @EventLoop func `a dry run says the same and keeps nothing`() async throws {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      for _ in 0..<2 {
        let response = try await fixture.importing(
          ["key\none\ntwo\n"],
          product: product,
          policy: policy,
          dryRun: true
        )
        #expect(response.dryRun)
        #expect(response.rows == 2)
        #expect(response.imported == 2)
        #expect(response.badRows == 0)
      }
      #expect(try await fixture.count("select count(*) from licenses.licenses") == 0)
      #expect(try await fixture.count("select count(*) from licenses.license_key_hashes") == 0)
      let products = try await fixture.client.listProducts(ListProductsRequest(), fixture.options)
      #expect(products.data.map(\.licensesCount) == [0])
    }
  }

  @Test(arguments: [
    ("", "The file is empty"), ("\n\n", "The file is empty"), ("key\n\"a", "Line 2"),
    ("key\na\"b\n", "Line 2"), ("key\ra", "Line 1"),
  ])
  @EventLoop func `a file that is no CSV is refused`(file: String, message: String) async throws {
    try await LicensesFixture.with { fixture in
      let fault = try await fault { try await fixture.importing([file]) }
      #expect(fault.reason == .validationError)
      #expect(fault.issues.first?.message.contains(message) == true)
    }
  }

  @Test @EventLoop func `columns that are unknown, double or missing are named`() async throws {
    try await LicensesFixture.with { fixture in
      let rows: [(String, [[String]])] = [
        ("key,colour,id\na,b,c\n", [["colour"], ["id"]]), ("key,name,key\n", [["key"]]),
        ("name\n", [["key"]]), ("KEY\n", [["KEY"]]),
      ]
      for (file, paths) in rows {
        let fault = try await fault { try await fixture.importing([file]) }
        #expect(fault.issues.map(\.path) == paths)
      }
    }
  }

  @Test @EventLoop func `a caller that goes in the middle of the file leaves nothing`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let call = try await fixture.client.importLicenses(fixture.options)
      let rows = (0..<600).map { "KEY-\($0)\n" }.joined()
      try await call.send(
        ImportLicensesRequest(
          productId: product.id,
          policyId: policy.id,
          data: Array(("key\n" + rows).utf8)
        )
      )
      call.cancel()
      // An import that is whole comes through, so the one before it is over.
      let response = try await fixture.importing(["key\nwhole\n"], product: product, policy: policy)
      #expect(response.imported == 1)
      #expect(try await fixture.count("select count(*) from licenses.licenses") == 1)
    }
  }

  @Test @EventLoop func `a file that comes too slowly is refused with a clear word`() async throws {
    try await LicensesFixture.with { fixture in
      let client = try fixture.client
      let options = fixture.options
      let fault = try await ManualClock.use {
        let call = try await client.importLicenses(options)
        // One whole batch, which begins the transaction, and nothing behind it.
        let rows = (0..<LicenseImport.batchRowsMax).map { "row-\($0)\n" }.joined()
        try await call.send(ImportLicensesRequest(data: Array("key\n\(rows)".utf8)))
        let answer = EventLoop.spawn { () async -> Fault? in
          do throws(Fault) {
            _ = try await call.next()
            return nil
          } catch {
            return error
          }
        }
        // Time moves on when the transaction waits for more: what comes before it takes real time.
        let administrator = fixture.test.open()
        var waiting = 0
        while waiting == 0 {
          let state: Query = """
            select count(*) from pg_stat_activity
            where datname = current_database() and state = 'idle in transaction'
            """
          waiting = try await administrator.read(state).single().value(0)
        }
        for _ in 0..<12 {
          _ = try await client.listProducts(ListProductsRequest(), options)
          ManualClock.advance(by: .seconds(1))
        }
        return try #require(await answer.value)
      }
      #expect(fault.code == .unavailable)
      #expect(fault.message.contains("too slowly"))
    }
  }

  @Test @EventLoop func `the same request again imports once, and a third at a time is refused`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let (product, policy) = try await fixture.catalogue()
      let options = fixture.options(idempotencyKey: 1)
      for _ in 0..<2 {
        let response = try await fixture.importing(
          ["key\none\n"],
          product: product,
          policy: policy,
          options
        )
        #expect(response.imported == 1)
      }
      #expect(try await fixture.count("select count(*) from licenses.licenses") == 1)
      let open = [
        try await fixture.client.importLicenses(fixture.options),
        try await fixture.client.importLicenses(fixture.options),
      ]
      for call in open { try await call.send(ImportLicensesRequest()) }
      // Calls on several connections begin in any order.
      while fixture.service.importCount < open.count {
        _ = try await fixture.client.listProducts(ListProductsRequest(), fixture.options)
      }
      let fault = try await fault { try await fixture.importing(["key\n"]) }
      #expect(fault.code == .unavailable)
      #expect(fault.message.contains("Other imports"))
      for call in open { call.cancel() }
    }
  }

  @Test @EventLoop func `an account's limit of licenses holds for imports`() async throws {
    try await LicensesFixture.with(limits: PlanLimits(licensesMax: 2)) { fixture in
      let (product, policy) = try await fixture.catalogue()
      let fault = try await fault {
        try await fixture.importing(
          ["key\none\ntwo\nthree\n"],
          product: product,
          policy: policy
        )
      }
      #expect(fault.reason == .planLimitExceeded)
      let response = try await fixture.importing(
        ["key,status\none,\ntwo,\nthree,revoked\n"],
        product: product,
        policy: policy
      )
      #expect(response.imported == 3)
    }
  }
}
