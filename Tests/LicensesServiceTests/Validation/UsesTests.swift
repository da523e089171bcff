import EventLoop
import Faults
import LicensesService
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct UsesTests {
  @Test @EventLoop func `a license with a limit is used exactly as often, by two services at once`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxUses = 30 })
      let other = try await fixture.license(
        policy: { $0.maxUses = 30 },
        { $0.maxUsesOverride = 50 }
      )
      let keys = [license.key ?? "", other.key ?? ""]
      try await fixture.withSecondService { second, _ in
        let clients = [try fixture.client, second]
        let outcomes = await atOnce(400) { index in
          try await clients[index % 2].validateKey(ValidateKeyRequest(key: keys[index / 2 % 2]))
        }
        let answers = try outcomes.map { try $0.get() }
        for (id, limit) in [(license.id, 30), (other.id, 50)] {
          let own = answers.filter { $0.license?.id == id }
          let granted = own.filter(\.valid)
          #expect(granted.count == limit)
          // Each use has its own number.
          #expect(Set(granted.compactMap { $0.license?.usesCount }).count == limit)
          #expect(own.filter { $0.code == .usesExceeded }.count == 200 - limit)
        }
      }
      #expect(try await fixture.reread(license).usesCount == 30)
      #expect(try await fixture.reread(other).usesCount == 50)
      #expect(try await fixture.events(of: license) == ["license.created", "license.activated"])
    }
  }

  @Test @EventLoop
  func `uses without a limit are gathered, shown at once, and written when flushed`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      for count in 1...5 {
        #expect(try await fixture.validate(license, nil).license?.usesCount == Int64(count))
      }
      // The first activated the license, and was written with that.
      #expect(try await fixture.reread(license).usesCount == 1)
      try await fixture.service.flushTally()
      #expect(try await fixture.reread(license).usesCount == 5)
      try await fixture.service.flushTally()
      #expect(try await fixture.reread(license).usesCount == 5)
      #expect(try await fixture.validate(license, nil).license?.usesCount == 6)
    }
  }

  @Test @EventLoop func `validations are counted by tenant and day`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxUses = 3 })
      for _ in 0..<5 { _ = try await fixture.validate(license, nil) }
      _ = try await fixture.validate("LIC-0000-0000-0000-0000")
      try await fixture.withSecondService { second, service in
        _ = try await second.validateKey(ValidateKeyRequest(key: license.key ?? ""))
        try await service.flushTally()
      }
      try await fixture.service.flushTally()
      fixture.clock.advance(by: .seconds(86_400))
      _ = try await fixture.validate(license, nil)
      try await fixture.service.flushTally()
      let rows = try await fixture.test.open().read(
        "select account_id, successful, failed from licenses.validation_counts order by day"
      )
      let counts = try rows.map { try $0.values(UUID.self, Int.self, Int.self) }
      #expect(counts.map(\.0) == [fixture.tenant.accountID, fixture.tenant.accountID])
      #expect(counts.map(\.1) == [3, 0])
      #expect(counts.map(\.2) == [3, 1])
    }
  }

  @Test @EventLoop func `the first valid validation activates the license, once under races`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let key = license.key ?? ""
      try await fixture.withSecondService { second, service in
        let clients = [try fixture.client, second]
        let outcomes = await atOnce(100) { index in
          try await clients[index % 2].validateKey(ValidateKeyRequest(key: key))
        }
        #expect(try outcomes.allSatisfy { try $0.get().valid })
        try await service.flushTally()
      }
      try await fixture.service.flushTally()
      #expect(try await fixture.reread(license).usesCount == 100)
      #expect(try await fixture.events(of: license) == ["license.created", "license.activated"])
      let lines = try await fixture.audited().filter { $0.action == "license.activate" }
      #expect(lines.map(\.actor) == [.init(kind: .licenseKey, id: license.id)])
    }
  }

  @Test @EventLoop func `a validation that fails is no use and activates nothing`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxUses = 1 })
      _ = try await fixture.validate(license.key ?? "", entitlements: ["sso"])
      #expect(try await fixture.reread(license).usesCount == 0)
      #expect(try await fixture.events(of: license) == ["license.created"])
      #expect(try await fixture.validate(license, nil).valid)
    }
  }

  @Test @EventLoop func `a request with the same Idempotency-Key is one use`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: { $0.maxUses = 2 })
      let client = try fixture.client
      let request = ValidateKeyRequest(key: license.key ?? "")
      func options(_ key: UInt8) -> CallOptions {
        CallOptions(
          caller: Caller(
            actorKind: .anonymous,
            idempotencyKey: [UInt8](repeating: key, count: 32),
            requestHash: [UInt8](repeating: 7, count: 32)
          )
        )
      }
      let first = try await client.validateKey(request, options(1))
      #expect(first.license?.usesCount == 1)
      let outcomes = await atOnce(20) { _ in try await client.validateKey(request, options(1)) }
      #expect(try outcomes.allSatisfy { try $0.get() == first })
      #expect(try await client.validateKey(request, options(2)).license?.usesCount == 2)
      #expect(try await client.validateKey(request, options(3)).code == .usesExceeded)
      // Also when there is none left meanwhile, the answer stays what it was.
      #expect(try await client.validateKey(request, options(1)) == first)
      #expect(try await client.validateKey(request, options(3)).code == .usesExceeded)
    }
  }
}
