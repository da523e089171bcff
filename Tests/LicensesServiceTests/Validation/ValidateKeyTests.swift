import EventLoop
import Faults
import Messages
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct ValidateKeyTests {
  @Test @EventLoop func `a good key is VALID, and the answer is signed for its account`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license({ $0.name = "Studio seat" })
      let key = try #require(license.key)
      for text in [key, key.lowercased()] {
        let (answer, account) = try await fixture.validate(text)
        #expect(answer.valid)
        #expect(answer.code == .valid)
        #expect(answer.license?.id == license.id)
        #expect(answer.license?.name == "Studio seat")
        #expect(answer.license?.status == .active)
        #expect(answer.machine == nil)
        #expect(answer.entitlements.isEmpty)
        #expect(answer.metadata == Array("{}".utf8))
        #expect(account == fixture.tenant.accountID.description)
      }
    }
  }

  /// A call with one database read stays on the loop, from the client over mutual TLS to Postgres and back.
  ///
  /// A task that has lost its executor preference would add jobs of foreign threads to every call; whatever
  /// else the process does now and then does not meet all of a hundred.
  @Test @EventLoop func `a validation costs no job from a foreign thread`() async throws {
    try await LicensesFixture.with { fixture in
      let key = try #require(try await fixture.license().key)
      var fewest = Int.max
      for _ in 0..<100 {
        let before = EventLoop.foreignEnqueueCount
        #expect(try await fixture.validate(key).0.valid)
        fewest = min(fewest, EventLoop.foreignEnqueueCount - before)
      }
      #expect(fewest == 0)
    }
  }

  @Test @EventLoop func `an expired key is judged by its policy's strategy`() async throws {
    try await LicensesFixture.with { fixture in
      let rows: [(Policy.ExpirationStrategy, Bool, ValidateKeyResponse.Code, License.Status)] = [
        (.restrictAccess, false, .expired, .expired), (.allowAccess, true, .expired, .expired),
        (.revoke, false, .revoked, .revoked),
      ]
      for (strategy, isValid, code, status) in rows {
        let license = try await fixture.license(
          policy: {
            $0.expirationStrategy = strategy
            $0.durationDays = 1
          })
        let key = try #require(license.key)
        fixture.clock.advance(by: .milliseconds(86_400_000 - 1))
        #expect(try await fixture.validate(key).0.code == .valid)
        fixture.clock.advance(by: .milliseconds(1))
        let (answer, account) = try await fixture.validate(key)
        #expect(answer.valid == isValid)
        #expect(answer.code == code)
        #expect(answer.license?.status == status)
        #expect(account == fixture.tenant.accountID.description)
      }
    }
  }

  @Test @EventLoop func `an entitlement that is asked for is missing`() async throws {
    try await LicensesFixture.with { fixture in
      let key = try #require(try await fixture.license().key)
      let (answer, _) = try await fixture.validate(key, entitlements: ["sso"])
      #expect(!answer.valid)
      #expect(answer.code == .entitlementsMissing)
    }
  }

  /// Whose key signs the answer about an unknown key: the account's that alone uses the prefix.
  @Test @EventLoop func `an unknown key is NOT_FOUND, for the only account with its prefix`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      _ = try await fixture.product("one", prefix: "ATL")
      _ = try await fixture.product("two", prefix: "ATL")
      _ = try await fixture.product("three", prefix: "SHARED")
      _ = try await fixture.product(
        "three",
        prefix: "SHARED",
        Tenant(accountID: .v7(), environment: .live)
      )
      let rows: [(String, String?)] = [
        ("ATL-0000-0000-0000-0000", fixture.tenant.accountID.description),
        ("atl-0000-0000-0000-0000", fixture.tenant.accountID.description),
        ("SHARED-0000-0000-0000-0000", nil), ("NONE-0000-0000-0000-0000", nil),
        ("no key at all", nil),
      ]
      for (key, owner) in rows {
        let (answer, account) = try await fixture.validate(key)
        #expect(!answer.valid)
        #expect(answer.code == .notFound)
        #expect(answer.license == nil)
        #expect(account == owner, "\(key)")
      }
    }
  }

  @Test(arguments: [
    (ValidateKeyRequest(key: ""), ["key"]),
    (ValidateKeyRequest(key: String(repeating: "k", count: 256)), ["key"]),
    (ValidateKeyRequest(key: "k", fingerprint: "short"), ["fingerprint"]),
    (ValidateKeyRequest(key: "k", entitlements: [""]), ["entitlements", "0"]),
  ])
  @EventLoop func `a bad field is named`(request: ValidateKeyRequest, path: [String]) async throws {
    try await LicensesFixture.with { fixture in
      let fault = try await fault { try await fixture.client.validateKey(request) }
      #expect(fault.reason == .validationError)
      #expect(fault.issues.map(\.path) == [path])
    }
  }

  /// Questions asked at once share queries; each must get its own answer.
  @Test @EventLoop func `many keys are validated at once`() async throws {
    try await LicensesFixture.with { fixture in
      let product = try await fixture.product()
      let policy = try await fixture.policy(of: product)
      var licenses: [License] = []
      for _ in 0..<16 {
        licenses.append(
          try await fixture.client.createLicense(
            CreateLicenseRequest(productId: product.id, policyId: policy.id),
            fixture.options
          )
        )
      }
      let client = try fixture.client
      var asked: [(Task<ValidateKeyResponse?, Never>, String?)] = []
      for index in 0..<600 {
        let license = licenses[index % licenses.count]
        let isKnown = index % 7 != 0
        let key = isKnown ? license.key ?? "" : "LIC-0000-0000-0000-\(1000 + index)"
        let task = EventLoop.spawn {
          try? await client.validateKey(ValidateKeyRequest(key: key))
        }
        asked.append((task, isKnown ? license.id : nil))
      }
      for (task, id) in asked {
        let answer = await task.value
        #expect(answer?.valid == (id != nil))
        #expect(answer?.license?.id == id)
      }
    }
  }
}
