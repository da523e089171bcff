import EventLoop
import Faults
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct ExplainTests {
  @Test @EventLoop func `the vendor is told every rule, and nothing is counted`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license(policy: {
        $0.maxUses = 9
        $0.maxMachines = 1
      })
      try await fixture.activate(license, "machine-1")
      let request = ValidateKeyRequest(
        key: license.key ?? "",
        fingerprint: "machine-2",
        explain: true
      )
      let answer = try await fixture.client.validateKey(request, fixture.options)
      #expect(answer.code == .machineLimitExceeded)
      #expect(answer.explanation.count == 9)
      let failed = try #require(answer.explanation.first { $0.outcome == .failed })
      #expect(failed.rule == "machine")
      #expect(failed.current == 1)
      #expect(failed.limit == 1)
      #expect(failed.fix != nil)
      var good = request
      good.fingerprint = "machine-1"
      #expect(try await fixture.client.validateKey(good, fixture.options).code == .valid)
      #expect(try await fixture.reread(license).usesCount == 0)
      #expect(try await fixture.events(of: license) == ["license.created", "machine.activated"])
    }
  }

  @Test @EventLoop func `it needs an API key of the license's own account`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let request = ValidateKeyRequest(key: license.key ?? "", explain: true)
      let refused = try await fault { try await fixture.client.validateKey(request) }
      #expect(refused.code == .unauthenticated)
      #expect(refused.reason == .unauthorized)
      for stranger in fixture.strangers {
        let answer = try await fixture.client.validateKey(request, fixture.options(stranger))
        #expect(answer.code == .notFound)
        #expect(answer.license == nil)
        #expect(!answer.explanation.contains { $0.message.contains(license.id) })
      }
      let plain = ValidateKeyRequest(key: license.key ?? "", explain: false)
      #expect(try await fixture.client.validateKey(plain).explanation.isEmpty)
    }
  }

  @Test(arguments: [
    (["licenses:validate"], true), (["licenses:read"], true), (["*"], true),
    (["products:read", "licenses:write"], false), ([], false),
  ])
  @EventLoop func `it needs a scope`(scopes: [String], isAdmitted: Bool) async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      var options = fixture.options
      options.caller?.scopes = scopes
      var request = ValidateKeyRequest(key: license.key ?? "", explain: true)
      if isAdmitted {
        #expect(try await !fixture.client.validateKey(request, options).explanation.isEmpty)
      } else {
        let refusal = try await fault { try await fixture.client.validateKey(request, options) }
        #expect(refusal.reason == .forbidden && refusal.message.contains("licenses:validate"))
      }
      request.explain = false
      #expect(try await fixture.client.validateKey(request, options).valid)
    }
  }

  @Test @EventLoop func `a key of another product than the one that asks is not found`()
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let client = try fixture.client
      for (product, code) in [
        (license.productId, ValidateKeyResponse.Code.valid), (UUID.v7().description, .notFound),
      ] {
        let answer = try await client.validateKey(
          ValidateKeyRequest(key: license.key ?? "", productId: product)
        )
        #expect(answer.code == code)
        #expect((answer.license == nil) == (code == .notFound))
      }
    }
  }
}
