import EventLoop
import Faults
import LicensesService
import Messages
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct LeakTests {
  /// Reports without any credential.
  @EventLoop private func report(
    _ key: String,
    _ fixture: LicensesFixture,
    source: String? = nil
  ) async throws -> LeakResponse {
    try await fixture.client.reportLeakedLicenseKey(
      LeakReport(secret: key, source: source),
      CallOptions(caller: Caller(actorKind: .anonymous))
    )
  }

  @EventLoop private func status(_ license: License, _ fixture: LicensesFixture) async throws
    -> License.Status
  {
    try await fixture.client.getLicense(GetLicenseRequest(id: license.id), fixture.options).status
  }

  @Test(arguments: [LeakedLicenseKeys.alert, .suspend])
  @EventLoop func `a report does what the policy says`(policy: LeakedLicenseKeys) async throws {
    try await LicensesFixture.with(leakedKeys: policy) { fixture in
      let license = try await fixture.license()
      let key = try #require(license.key)
      fixture.clock.advance(by: .milliseconds(1))
      let answer = try await report(key.lowercased(), fixture, source: "https://paste.example/1")
      let suspends = policy == .suspend
      #expect(
        answer == LeakResponse(kind: .licenseKey, action: suspends ? .suspended : .alerted)
      )
      #expect(try await status(license, fixture) == (suspends ? .suspended : .active))
      #expect(
        try await fixture.events(license.id)
          == ["license.created", "license.leaked"] + (suspends ? ["license.suspended"] : [])
      )
      let line = try #require(try await fixture.audited(license.id).last)
      #expect(line.action == "license.leak")
      #expect(line.actor.kind == .anonymous)
      #expect(line.reason == "https://paste.example/1")
    }
  }

  @Test @EventLoop func `reports leave one line a day for each key`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let key = try #require(license.key)
      for _ in 0..<5 {
        fixture.clock.advance(by: .seconds(60 * 60))
        #expect(try await report(key, fixture).action == .alerted)
      }
      #expect(try await fixture.audited(license.id).count == 2)
      fixture.clock.advance(by: .seconds(21 * 60 * 60))
      _ = try await report(key, fixture)
      #expect(try await fixture.audited(license.id).count == 3)
      let events = try await fixture.events(license.id)
      #expect(events == ["license.created", "license.leaked", "license.leaked"])
    }
  }

  @Test @EventLoop func `reports at once leave one line`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let request = LeakReport(secret: try #require(license.key))
      let client = try fixture.client
      let tasks = (0..<8).map { _ in
        EventLoop.spawn { try? await client.reportLeakedLicenseKey(request, CallOptions()) }
      }
      for task in tasks { #expect(await task.value?.action == .alerted) }
      #expect(try await fixture.audited(license.id).count == 2)
    }
  }

  @Test @EventLoop func `a source that repeats the key is logged without it`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      let key = try #require(license.key)
      _ = try await report(key, fixture, source: "found ?key=\(key)&x=1")
      #expect(try await fixture.audited(license.id).last?.reason == "found ?key=<redacted>&x=1")
    }
  }

  @Test @EventLoop func `an unknown key and a license that is over are left alone`() async throws {
    try await LicensesFixture.with(leakedKeys: .suspend) { fixture in
      let unknown = LeakResponse(kind: .unknown, action: .nothing)
      for text in ["LIC-0000-0000-0000-0000", "lk_test_x", "?", String(repeating: "x", count: 255)]
      {
        #expect(try await report(text, fixture) == unknown)
      }
      let license = try await fixture.license()
      let request = LicenseActionRequest(id: license.id)
      _ = try await fixture.client.revokeLicense(request, fixture.options)
      let answer = try await report(#require(license.key), fixture)
      #expect(answer == LeakResponse(kind: .licenseKey, action: .nothing))
      #expect(try await status(license, fixture) == .revoked)
      #expect(try await fixture.events(license.id) == ["license.created", "license.revoked"])
    }
  }
}
