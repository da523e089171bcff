import Cryptography
import EventLoop
import Faults
import LatchkeyOffline
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct LicenseFileTests {
  @Test @EventLoop func `a file says what was asked for and opens on its machine alone`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      let product = UUID.v7()
      let end = fixture.clock.now + .seconds(900 * 86_400)
      let signed = try await fixture.sign(license: license) {
        $0.productId = product.description
        $0.maxMachines = 3
        $0.licenseExpiresAt = end.milliseconds
      }
      var verifier = try fixture.verifier([try await fixture.key(.active).publicKey])
      verifier.fingerprint = "machine-1"
      verifier.secret = try FileSecret(licenseKey: SigningFixture.licenseKey)
      let text = Array(signed.certificate.utf8)
      let outcome = verifier.verify(text, at: fixture.clock.now)
      #expect(outcome.verdict == .valid)
      let header = try #require(outcome.header)
      #expect(header.accountID == fixture.tenant.accountID)
      #expect(header.environment == .test)
      #expect(header.licenseID == license && header.productID == product)
      #expect(header.fingerprint == "machine-1" && header.entitlements == ["export_pdf"])
      #expect(header.maxMachines == 3 && header.licenseExpiresAt == end)
      #expect(header.serial == 1 && header.ttlSeconds == 1_209_600)
      #expect(header.issuedAt == fixture.clock.now)
      #expect(header.expiresAt == fixture.clock.now + .seconds(1_209_600))
      let payload = String(decoding: try #require(outcome.payload).json, as: UTF8.self)
      #expect(payload == #"{"version":1,"license":{"id":"l"},"policy":{"id":"p"}}"#)
      verifier.fingerprint = "machine-2"
      #expect(verifier.verify(text, at: fixture.clock.now).verdict == .wrongFingerprint)
      verifier.fingerprint = "machine-1"
      verifier.secret = try FileSecret(licenseKey: "ATL-0000-0000-0000-0000")
      #expect(verifier.verify(text, at: fixture.clock.now).verdict == .wrongLicenseKey)
      #expect(verifier.verify(text, at: header.expiresAt).verdict == .expired)
    }
  }

  @Test @EventLoop func `a file ends with its license`() async throws {
    try await SigningFixture.with { fixture in
      let end = fixture.clock.now + .seconds(7_200)
      let file = try await fixture.sign { $0.endsAt = end.milliseconds }.file
      #expect(file.expiresAt == end.milliseconds)
      let past = fixture.clock.now.milliseconds
      let fault = try await fault { try await fixture.sign { $0.endsAt = past } }
      #expect(fault.reason == .licenseExpired)
      #expect(try await fixture.count("select count(*) from signing.license_files") == 1)
    }
  }

  @Test @EventLoop func `every file has a number, a row and a line that says who asked`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      let machine = UUID.v7()
      let file = try await fixture.sign(license: license) {
        $0.machineId = machine.description
        $0.requestId = "01JQ7Z5W3X8V2K4M6N9P0R1S2T"
        $0.clientAddress = "203.0.113.9"
      }.file
      #expect(file.machineId == machine.description)
      #expect(file.fingerprintHash == Hex.encode(SHA256.hash("machine-1")))
      #expect(try await fixture.files(license) == [file])
      let line = try #require(try await fixture.audited().last)
      #expect(line.action == "licenseFile.issue" && line.resourceId == file.id)
      #expect(line.actor == AuditEvent.Actor(kind: .apiKey, id: "key-1"))
      #expect(line.requestId == "01JQ7Z5W3X8V2K4M6N9P0R1S2T")
      #expect(line.clientAddress == "203.0.113.9")
      let after = String(decoding: try #require(line.after), as: UTF8.self)
      #expect(after.contains(#""serial":1"#) && !after.contains("machine-1"))
    }
  }

  /// Calls of one moment, of one file and of many, must give each file a number of its own, without gaps.
  @Test @EventLoop func `files that are asked for at once have rising numbers without gaps`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let orders = (0..<300).map { fixture.order(fingerprint: "machine-\($0)") }
      let calls = [orders[..<1], orders[1..<3], orders[3..<131], orders[131..<172], orders[172...]]
        .map(Array.init)
      let tasks = calls.map { orders in EventLoop.spawn { try? await fixture.sign(orders) } }
      var serials: [Int64] = []
      let verifier = try fixture.verifier(
        try await fixture.gateway.getPublicKeys(
          GetPublicKeysRequest(
            accountId: fixture.tenant.accountID.description,
            environment: .test
          )
        ).publicKeys
      )
      for (task, orders) in zip(tasks, calls) {
        let made = try #require(await task.value)
        #expect(made.count == orders.count)
        for (signed, order) in zip(made, orders) {
          let outcome = verifier.verify(Array(signed.certificate.utf8), at: fixture.clock.now)
          #expect(outcome.verdict == .valid)
          // Nobody is given somebody else's file.
          #expect(outcome.header?.fingerprint == order.fingerprint)
          #expect(outcome.header?.licenseID.description == order.licenseId)
          #expect(outcome.header?.serial == signed.file.serial)
          serials.append(signed.file.serial)
        }
      }
      #expect(serials.sorted() == Array(1...300))
      #expect(try await fixture.count("select count(*) from signing.license_files") == 300)
      let lines = try await fixture.audited().filter { $0.action == "licenseFile.issue" }
      #expect(lines.count == 300)
    }
  }

  /// One license must not spoil the files of others that are asked for in the same moment, and what is refused leaves neither
  /// row nor line.
  @Test @EventLoop func `a license that no file is made of is refused alone`() async throws {
    try await SigningFixture.with { fixture in
      let outcomes = try await fixture.outcomes(of: [
        fixture.order(fingerprint: "machine-1"),
        fixture.order { $0.endsAt = fixture.clock.now.milliseconds },
        fixture.order { $0.license = Array(#"{"id":1,"id":2}"#.utf8) },
        fixture.order(fingerprint: "machine-2"),
      ])
      #expect(outcomes.map { $0.signed?.file.serial } == [1, nil, nil, 2])
      let reasons = outcomes.map { $0.refusal?.reason }
      #expect(reasons == [nil, "LICENSE_EXPIRED", "BUSINESS_RULE_VIOLATION", nil])
      let last = try LicenseFile(parsing: Array((outcomes[3].signed?.certificate ?? "").utf8))
      #expect(last.header.fingerprint == "machine-2" && last.header.serial == 2)
      #expect(try await fixture.count("select count(*) from signing.license_files") == 2)
      #expect(try await fixture.audited().filter { $0.action == "licenseFile.issue" }.count == 2)
    }
  }

  /// Rows must not pile up for ever; what they said stays in the audit log.
  @Test @EventLoop func `files that ended long ago are forgotten as new ones come`() async throws {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      for _ in 0..<4 { try await fixture.sign(license: license) { $0.ttlSeconds = 3_600 } }
      fixture.clock.advance(by: .seconds(3_600 + 400 * 86_400))
      let kept = try await fixture.sign(license: license).file.serial
      #expect(try await fixture.files(license).map(\.serial) == [kept, 4, 3, 2, 1])
      // Looked for once a minute.
      fixture.clock.advance(by: .seconds(59))
      let next = try await fixture.sign(license: license).file.serial
      #expect(try await fixture.files(license).count == 6)
      fixture.clock.advance(by: .seconds(1))
      let last = try await fixture.sign(license: license).file.serial
      #expect(try await fixture.files(license).map(\.serial) == [last, next, kept])
      #expect(try await fixture.audited().filter { $0.action == "licenseFile.issue" }.count == 7)
    }
  }

  /// A file that anybody has is on record: what cannot be recorded is not signed.
  @Test @EventLoop func `nothing is signed that is not recorded`() async throws {
    try await SigningFixture.with { fixture in
      _ = try await fixture.keyset()
      let administrator = fixture.test.open()
      for table in ["signing.license_files", "changes.audit_entries"] {
        try await administrator.query(Query(sql: "revoke insert on \(table) from latchkey_signing"))
        let fault = try await fault { try await fixture.sign() }
        #expect(fault.code != .cancelled, "\(table)")
        #expect(try await fixture.count("select count(*) from signing.license_files") == 0)
        try await administrator.query(Query(sql: "grant insert on \(table) to latchkey_signing"))
      }
      #expect(try await fixture.sign().file.serial == 1)
    }
  }
}
