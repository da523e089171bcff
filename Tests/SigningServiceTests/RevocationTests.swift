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

@Suite(.onLoop) struct RevocationTests {
  @Test @EventLoop func `files are revoked by license, by machine and by number`() async throws {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      let kept = try await fixture.sign().file
      for machine in ["machine-1", "machine-2", "machine-2", "machine-3"] {
        try await fixture.sign(license: license, fingerprint: machine)
      }
      #expect(try await fixture.revokedSerials() == [])
      #expect(try await fixture.revoke(license, serial: 5).files.map(\.serial) == [5])
      #expect(try await fixture.revoke(license, fingerprint: "machine-2").revokedCount == 2)
      #expect(try await fixture.revokedSerials() == [3, 4, 5])
      // What is revoked already is not revoked again.
      #expect(try await fixture.revoke(license).files.map(\.serial) == [2])
      #expect(try await fixture.revoke(license).revokedCount == 0)
      #expect(try await fixture.revokedSerials() == [2, 3, 4, 5])
      let revoked = try await fixture.revokedSerials()
      #expect(!revoked.contains(kept.serial))
      let lines = try await fixture.audited().filter { $0.action == "licenseFile.revoke" }
      #expect(lines.count == 4)
      #expect(lines.allSatisfy { $0.reason == "lost" && $0.actor.id == "key-1" })
    }
  }

  @Test @EventLoop func `a verifier that is given the list refuses a revoked file`() async throws {
    try await SigningFixture.with { fixture in
      let root = try await fixture.root()
      let license = UUID.v7()
      let file = try await fixture.sign(license: license)
      #expect(fixture.verdict(file, by: try await fixture.verifier(root: root)) == .valid)
      try await fixture.revoke(license)
      #expect(fixture.verdict(file, by: try await fixture.verifier(root: root)) == .revoked)
    }
  }

  @Test @EventLoop func `expired files leave the list, and only then`() async throws {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      try await fixture.sign(license: license) { $0.ttlSeconds = 3_600 }
      try await fixture.sign(license: license)
      try await fixture.revoke(license)
      fixture.clock.advance(by: .seconds(3_599))
      #expect(try await fixture.revokedSerials() == [1, 2])
      fixture.clock.advance(by: .seconds(1))
      #expect(try await fixture.revokedSerials() == [2])
    }
  }

  /// Never a revoked file that counts since there was no room for it.
  @Test @EventLoop func `a list that is full begins later and refuses what lies before`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let root = try await fixture.root()
      let (early, gone) = (try await fixture.sign(), UUID.v7())
      let revoked = try await fixture.sign(license: gone)
      try await fixture.makeRevokedFiles(count: RevocationList.serialsMax - 1)
      let late = try await fixture.sign()
      try await fixture.revoke(gone)
      #expect(try await fixture.revokedSerials().count == RevocationList.serialsMax)
      let full = try await fixture.verifier(root: root)
      #expect(full.revocations?.firstSerial == 1)
      #expect(
        [early, revoked, late].map { fixture.verdict($0, by: full) } == [.valid, .revoked, .valid]
      )
      // One more: the lowest has no room.
      let last = UUID.v7()
      try await fixture.sign(license: last)
      try await fixture.revoke(last)
      let over = try await fixture.verifier(root: root)
      #expect(over.revocations?.serials.count == RevocationList.serialsMax)
      #expect(over.revocations?.firstSerial == revoked.file.serial + 1)
      #expect(
        [early, revoked, late].map { fixture.verdict($0, by: over) } == [
          .revoked, .revoked, .valid,
        ]
      )
      // With room again it tells them apart again.
      fixture.clock.advance(by: .seconds(3_600))
      let again = try await fixture.verifier(root: root)
      #expect(again.revocations?.firstSerial == 1)
      #expect(
        [early, revoked, late].map { fixture.verdict($0, by: again) } == [.valid, .revoked, .valid]
      )
    }
  }

  @Test @EventLoop func `the files of a license that is barred count again when it is reinstated`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      try await fixture.sign(license: license)
      try await fixture.sign(license: license)
      try await fixture.revoke(license, serial: 1)
      try await fixture.note(license, isBarred: true, sequence: 5)
      #expect(try await fixture.revokedSerials() == [1, 2])
      // Twice is once, and an old word does not undo a later one.
      try await fixture.note(license, isBarred: true, sequence: 5)
      try await fixture.note(license, isBarred: false, sequence: 4)
      #expect(try await fixture.revokedSerials() == [1, 2])
      try await fixture.note(license, isBarred: false, sequence: 6)
      // What was revoked by itself stays so.
      #expect(try await fixture.revokedSerials() == [1])
      let actions = try await fixture.audited().map(\.action).filter {
        $0.hasPrefix("licenseFile.r")
      }
      #expect(actions == ["licenseFile.revoke", "licenseFile.revoke", "licenseFile.restore"])
    }
  }

  /// A check-out and a revocation race; whichever comes last, the file is on the list.
  @Test @EventLoop func `a file that is made of a barred license is revoked from the start`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      _ = try await fixture.keyset()
      try await fixture.note(license, isBarred: true)
      let late = try await fixture.sign(license: license)
      #expect(try await fixture.revokedSerials() == [late.file.serial])
      let others = (0..<20).map { _ in UUID.v7() }
      let tasks = others.map { other in
        EventLoop.spawn { try? await fixture.sign(license: other).file.serial }
      }
      for other in others { try await fixture.note(other, isBarred: true) }
      var made: [Int64] = [late.file.serial]
      for task in tasks { made.append(try #require(await task.value)) }
      #expect(try await fixture.revokedSerials() == made.sorted())
    }
  }

  @Test @EventLoop func `a machine that was deactivated loses the files it had, and no later ones`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      let gone = SHA256.hash("machine-1")
      try await fixture.sign(license: license, fingerprint: "machine-1")
      try await fixture.sign(license: license, fingerprint: "machine-2")
      let moment = fixture.clock.now
      fixture.clock.advance(by: .seconds(1))
      try await fixture.sign(license: license, fingerprint: "machine-1")
      for _ in 0..<2 {
        try await fixture.note(license) {
          $0.fingerprintSha256 = gone
          $0.notedAt = moment.milliseconds
        }
      }
      #expect(try await fixture.revokedSerials() == [1])
      try await fixture.note(license) { $0.serial = 3 }
      #expect(try await fixture.revokedSerials() == [1, 3])
    }
  }

  @Test @EventLoop func `what names no file is refused`() async throws {
    try await SigningFixture.with { fixture in
      let license = UUID.v7()
      #expect(try await fixture.revoke(license).revokedCount == 0)
      try await fixture.sign(license: license)
      let both = try await fault {
        try await fixture.revoke(license, serial: 1, fingerprint: "machine-1")
      }
      #expect(both.code == .invalidArgument)
      #expect(try await fixture.revoke(license, serial: 9).revokedCount == 0)
    }
  }
}
