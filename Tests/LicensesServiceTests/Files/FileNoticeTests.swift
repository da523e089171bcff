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

/// Which changes the signing service is told of, so that files count no more or do again.
@Suite(.onLoop) struct FileNoticeTests {
  /// What is done to a license with one machine, and the words that must follow.
  struct NoticeRow: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var notices: [String]
    var act: @EventLoop @Sendable (LicensesFixture, License) async throws -> Void
  }

  private static let rows = [
    NoticeRow(testDescription: "suspend", notices: ["barred"]) { fixture, license in
      _ = try await fixture.client.suspendLicense(.init(id: license.id), fixture.options)
    },
    NoticeRow(testDescription: "suspend and reinstate", notices: ["barred", "clear"]) {
      fixture,
      license in
      _ = try await fixture.client.suspendLicense(.init(id: license.id), fixture.options)
      _ = try await fixture.client.reinstateLicense(.init(id: license.id), fixture.options)
    },
    NoticeRow(testDescription: "revoke a suspended one", notices: ["barred"]) { fixture, license in
      _ = try await fixture.client.suspendLicense(.init(id: license.id), fixture.options)
      _ = try await fixture.client.revokeLicense(.init(id: license.id), fixture.options)
    },
    NoticeRow(testDescription: "ban", notices: ["barred"]) { fixture, license in
      _ = try await fixture.client.banLicense(.init(id: license.id), fixture.options)
    },
    NoticeRow(testDescription: "delete", notices: ["barred"]) { fixture, license in
      _ = try await fixture.client.deleteLicense(.init(id: license.id), fixture.options)
    },
    NoticeRow(testDescription: "deactivate a machine", notices: ["machine"]) { fixture, license in
      let machine = try await fixture.activate(license, "machine-1")
      _ = try await fixture.client.deactivateMachine(.init(id: machine.id), fixture.options)
    },
    NoticeRow(testDescription: "give a floating seat back", notices: []) { fixture, license in
      _ = try await fixture.client.releaseLicense(
        ReleaseLicenseRequest(fingerprint: "machine-1"),
        fixture.holder(license)
      )
    },
    NoticeRow(testDescription: "give a file up", notices: ["machine", "file"]) { fixture, license in
      let receipt = try fixture.receipt(of: license, serial: 7)
      let request = ReleaseLicenseFileRequest(receipt: receipt)
      let first = try await fixture.client.releaseLicenseFile(request, fixture.options)
      #expect(first.machineId != nil)
      let second = try await fixture.client.releaseLicenseFile(request, fixture.options)
      #expect(second.machineId == nil && second.serial == 7)
    },
    NoticeRow(testDescription: "rename, renew, expire", notices: []) { fixture, license in
      _ = try await fixture.client.updateLicense(
        UpdateLicenseRequest(id: license.id, name: "Other", presentNames: ["name"]),
        fixture.options
      )
      let end = fixture.clock.now + .seconds(60)
      _ = try await fixture.client.renewLicense(
        LicenseExtensionRequest(id: license.id, expiresAt: end.milliseconds),
        fixture.options
      )
      fixture.clock.advance(by: .seconds(61))
      try await fixture.service.expirySweeper.sweep()
    },
  ]

  @Test(arguments: rows) @EventLoop func `a change leaves the words that it must`(row: NoticeRow)
    async throws
  {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      try await fixture.activate(license, "machine-1")
      try await row.act(fixture, license)
      #expect(try await fixture.notices() == row.notices)
    }
  }

  @Test @EventLoop func `a license that its expiry revokes is told of as well`() async throws {
    try await LicensesFixture.with { fixture in
      let end = fixture.clock.now + .seconds(60)
      _ = try await fixture.license(policy: { $0.expirationStrategy = .revoke }) {
        $0.expiresAt = end.milliseconds
      }
      fixture.clock.advance(by: .seconds(61))
      try await fixture.service.expirySweeper.sweep()
      #expect(try await fixture.notices() == ["barred"])
    }
  }

  /// A notice must outlive whatever keeps the signing service away.
  @Test @EventLoop func `what cannot be told waits`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      _ = try await fixture.client.suspendLicense(.init(id: license.id), fixture.options)
      let fault = try await fault { try await fixture.service.giveFileNotices() }
      #expect(fault.code == .unavailable)
      #expect(try await fixture.notices() == ["barred"])
    }
  }

  /// Nothing is tried here, or it would fail: there is no signing service.
  @Test @EventLoop func `what another process is telling is left to it`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      _ = try await fixture.client.suspendLicense(.init(id: license.id), fixture.options)
      let another = fixture.test.open(as: "latchkey_licenses")
      let isLeft: Void? = try await another.alone("licenses.give_file_notices") {
        () async throws(Fault) in try await fixture.service.giveFileNotices()
      }
      #expect(isLeft != nil)
      #expect(try await fixture.notices() == ["barred"])
      let fault = try await fault { try await fixture.service.giveFileNotices() }
      #expect(fault.code == .unavailable)
    }
  }

  @Test @EventLoop func `a receipt that another key proves is refused`() async throws {
    try await LicensesFixture.with { fixture in
      let license = try await fixture.license()
      try await fixture.activate(license, "machine-1")
      let forged = try fixture.receipt(of: license, serial: 1, key: "ATL-0000-0000-0000-0000")
      let fault = try await fault {
        try await fixture.client.releaseLicenseFile(
          ReleaseLicenseFileRequest(receipt: forged),
          fixture.options
        )
      }
      #expect(fault.code == .invalidArgument && fault.issues.first?.path == ["receipt"])
      #expect(try await fixture.reread(license).machineCount == 1)
    }
  }
}
