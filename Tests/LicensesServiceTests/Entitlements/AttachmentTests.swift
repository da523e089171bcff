import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct AttachmentTests {
  /// What can have entitlements, so that each rule is shown on both.
  enum Holder: CaseIterable, Sendable {
    case policy
    case license

    /// Makes a change, and gives the codes that are in effect afterwards.
    @EventLoop
    func change(
      _ fixture: LicensesFixture,
      _ license: License,
      attach: Bool,
      ids: [String] = [],
      codes: [String] = []
    ) async throws(Fault) -> [String] {
      let id = self == .policy ? license.policyId : license.id
      let request = AttachmentRequest(id: id, entitlementIds: ids, entitlementCodes: codes)
      let options = fixture.options
      do {
        let client = try fixture.client
        switch (self, attach) {
        case (.policy, true):
          return try await client.attachPolicyEntitlements(request, options).entitlements
        case (.policy, false):
          return try await client.detachPolicyEntitlements(request, options).entitlements
        case (.license, true):
          return try await client.attachLicenseEntitlements(request, options).entitlements
        case (.license, false):
          return try await client.detachLicenseEntitlements(request, options).entitlements
        }
      } catch let error as Fault {
        throw error
      } catch {
        throw .internalError("\(error)")
      }
    }
  }

  @Test(arguments: Holder.allCases)
  @EventLoop func `entitlements are attached and detached, by id and by code`(holder: Holder)
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let first = try await fixture.entitlement("a")
      let second = try await fixture.entitlement("b")
      func change(_ attach: Bool, _ ids: [String], _ codes: [String]) async throws -> [String] {
        try await holder.change(fixture, license, attach: attach, ids: ids, codes: codes)
      }
      #expect(try await change(true, [first.id], []) == ["a"])
      #expect(try await change(true, [first.id, second.id], ["a", "b"]) == ["a", "b"])
      let got = try await fixture.client.getLicense(
        GetLicenseRequest(id: license.id),
        fixture.options
      )
      #expect(got.entitlements == ["a", "b"])
      #expect(try await change(false, [], ["a"]) == ["b"])
      #expect(try await change(false, [first.id], ["a"]) == ["b"])
      #expect(try await change(false, [second.id], []) == [])
      // What changed nothing has left no trace.
      let name = holder == .policy ? "policy" : "license"
      let lines = try await fixture.audited(holder == .policy ? license.policyId : license.id)
      #expect(
        lines.map(\.action) == [
          "\(name).create", "\(name).attach_entitlements", "\(name).attach_entitlements",
          "\(name).detach_entitlements", "\(name).detach_entitlements",
        ]
      )
      let updates = try await fixture.events(license.id).filter { $0 == "license.updated" }
      #expect(updates.count == (holder == .license ? 4 : 0))
    }
  }

  @Test(arguments: Holder.allCases)
  @EventLoop func `what is not there is named, and nothing is attached`(holder: Holder)
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let known = try await fixture.entitlement("a")
      let deleted = try await fixture.entitlement("b")
      let foreign = try await fixture.entitlement("c", fixture.strangers[0])
      _ = try await fixture.client.deleteEntitlement(
        DeleteEntitlementRequest(id: deleted.id),
        fixture.options
      )
      for attach in [true, false] {
        let fault = try await fault {
          try await holder.change(
            fixture,
            license,
            attach: attach,
            ids: [known.id, deleted.id, foreign.id],
            codes: ["a", "nope"]
          )
        }
        #expect(fault.reason == .referenceNotFound)
        #expect(
          fault.message == "Entitlements not found: \(deleted.id), \(foreign.id), nope"
        )
        let nothing = try await LicensesServiceTests.fault {
          try await holder.change(fixture, license, attach: attach)
        }
        #expect(nothing.reason == .validationError)
        #expect(nothing.issues.map(\.path) == [["entitlementIds"]])
      }
      let absent = AttachmentRequest(id: UUID.v7().description, entitlementCodes: ["a"])
      let gone = [
        try await fault {
          try await fixture.client.attachPolicyEntitlements(absent, fixture.options)
        },
        try await fault {
          try await fixture.client.attachLicenseEntitlements(absent, fixture.options)
        },
      ]
      #expect(gone.map(\.reason) == [.notFound, .notFound])
    }
  }

  @Test(arguments: Holder.allCases)
  @EventLoop func `a hundred can be attached, and deleted ones make room`(holder: Holder)
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      try await fixture.test.open().query(
        """
        insert into licenses.entitlements (
          account_id, environment, id, code, name, created_at, updated_at)
        select \(fixture.tenant.accountID), 'test', gen_random_uuid(), 'c' || n, 'n', now(), now()
        from generate_series(1, 101) n
        """
      )
      let codes = (1...100).map { "c\($0)" }
      let all = try await holder.change(fixture, license, attach: true, codes: codes)
      #expect(all.count == 100)
      let fault = try await fault {
        try await holder.change(fixture, license, attach: true, codes: ["c101"])
      }
      #expect(fault.reason == .businessRuleViolation)
      let listed = try await fixture.client.listEntitlements(
        ListEntitlementsRequest(limit: 100),
        fixture.options
      )
      let first = try #require(listed.data.first { $0.code != "c101" })
      _ = try await fixture.client.deleteEntitlement(
        DeleteEntitlementRequest(id: first.id),
        fixture.options
      )
      let after = try await holder.change(fixture, license, attach: true, codes: ["c101"])
      #expect(after.count == 100)
      #expect(!after.contains(first.code))
    }
  }

  @Test @EventLoop func `a license has its policy's and its own`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let first = try await fixture.entitlement("a")
      _ = try await fixture.entitlement("b")
      _ = try await Holder.policy.change(fixture, license, attach: true, codes: ["a"])
      let both = try await Holder.license.change(
        fixture,
        license,
        attach: true,
        codes: ["a", "b"]
      )
      #expect(both == ["a", "b"])
      // Its own stays when the policy's goes.
      _ = try await Holder.policy.change(fixture, license, attach: false, codes: ["a"])
      let get = GetLicenseRequest(id: license.id)
      let got = try await fixture.client.getLicense(get, fixture.options)
      #expect(got.entitlements == ["a", "b"])
      #expect(got.policy?.entitlements == [])
      _ = try await fixture.client.updateEntitlement(
        UpdateEntitlementRequest(id: first.id, code: "z"),
        fixture.options
      )
      let renamed = try await fixture.client.getLicense(get, fixture.options)
      #expect(renamed.entitlements == ["b", "z"])
      _ = try await fixture.client.deleteEntitlement(
        DeleteEntitlementRequest(id: first.id),
        fixture.options
      )
      #expect(try await fixture.client.getLicense(get, fixture.options).entitlements == ["b"])
    }
  }

  @Test(arguments: Holder.allCases)
  @EventLoop func `what is attached at once is all there`(holder: Holder) async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let codes = (0..<12).map { "c\($0)" }
      for code in codes { _ = try await fixture.entitlement(code) }
      let attached = codes.map { code in
        EventLoop.spawn {
          (try? await holder.change(fixture, license, attach: true, codes: [code])) != nil
        }
      }
      for task in attached { #expect(await task.value) }
      let get = GetLicenseRequest(id: license.id)
      let got = try await fixture.client.getLicense(get, fixture.options)
      #expect(got.entitlements == codes.sorted())
    }
  }
}
