internal import Changes
internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Signing {
  /// Takes note of what has become of licenses and machines: their files are revoked, or count again.
  ///
  /// The same word twice changes nothing, and neither does an old one behind a later one.
  public func noteStandings(
    _ request: NoteStandingsRequest,
    _ call: Call
  ) async throws(Fault) -> NoteStandingsResponse {
    var notes: [Tenant: [NoteStandingsRequest.Standing]] = [:]
    for standing in request.standings {
      let tenant = try Tenant(standing.accountId, standing.environment)
      notes[tenant, default: []].append(standing)
    }
    for (tenant, standings) in notes {
      try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
        self.keysets.lockOnly(change)
        try await self.noteLicenses(standings, change)
        try await self.noteFiles(standings, change)
      }
    }
    return NoteStandingsResponse()
  }

  private func noteLicenses(
    _ standings: [NoteStandingsRequest.Standing],
    _ change: Change
  ) async throws(Fault) {
    // Of several words about one license in one message, the last is enough.
    var latest: [UUID: LicenseStanding] = [:]
    for standing in standings {
      guard let isBarred = standing.isBarred else { continue }
      let license = try UUID(checked: standing.licenseId)
      guard latest[license].map({ $0.sequence < standing.sequence }) ?? true else { continue }
      latest[license] = LicenseStanding(
        license: license,
        sequence: standing.sequence,
        isBarred: isBarred
      )
    }
    guard !latest.isEmpty else { return }
    let noted = try await files.note(Array(latest.values), change)
    let barred = noted.filter(\.value).map(\.key)
    let cleared = noted.filter { !$0.value }.map(\.key)
    if !barred.isEmpty { try record(revoked: try await files.bar(barred, change), change) }
    if !cleared.isEmpty {
      for file in try await files.unbar(cleared, change) {
        var after = file
        after.revokedAt = nil
        try change.record(
          "licenseFile.restore",
          file.id,
          before: file.message,
          after: after.message
        )
      }
    }
  }

  private func noteFiles(
    _ standings: [NoteStandingsRequest.Standing],
    _ change: Change
  ) async throws(Fault) {
    for standing in standings {
      let selection: FileStore.Selection
      if let hash = standing.fingerprintSha256 {
        selection = .machine(hash, until: Timestamp(milliseconds: standing.notedAt))
      } else if let serial = standing.serial {
        selection = .serial(serial)
      } else {
        continue
      }
      let license = try UUID(checked: standing.licenseId)
      try record(revoked: try await files.revoke(selection, of: license, change), change)
    }
  }

  /// Has the audit log tell of files that were revoked.
  func record(
    revoked files: [FileRecord],
    reason: String? = nil,
    by origin: Origin? = nil,
    _ change: Change
  ) throws(Fault) {
    for file in files {
      var before = file
      before.revokedAt = nil
      try change.record(
        "licenseFile.revoke",
        file.id,
        before: before.message,
        after: file.message,
        reason: reason,
        by: origin
      )
    }
  }
}
