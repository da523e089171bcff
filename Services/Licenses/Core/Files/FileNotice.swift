internal import Messages
internal import Primitives

/// What the signing service is to be told, since license files count no more or do again.
struct FileNotice: Equatable, Sendable {
  /// What has happened.
  enum Fact: Equatable, Sendable {
    /// The license came into or out of good standing.
    case barred(Bool)
    /// A machine was deactivated: SHA-256 of its fingerprint.
    case deactivated([UInt8])
    /// A machine has given up the file with this number.
    case released(Int64)
  }

  var tenant: Tenant
  var id: UUID
  var license: UUID
  /// The number of the license's event, by which the later word is told from the earlier.
  var sequence: Int64
  var fact: Fact
  var createdAt: Timestamp

  /// The notice as it is sent.
  var standing: NoteStandingsRequest.Standing {
    var standing = NoteStandingsRequest.Standing(
      accountId: tenant.accountID.description,
      environment: tenant.environment == .live ? .live : .test,
      licenseId: license.description,
      sequence: sequence,
      notedAt: createdAt.milliseconds
    )
    switch fact {
    case .barred(let isBarred): standing.isBarred = isBarred
    case .deactivated(let hash): standing.fingerprintSha256 = hash
    case .released(let serial): standing.serial = serial
    }
    return standing
  }
}

extension License {
  /// Whether the files of the license do not count: it is suspended, revoked, banned or deleted.
  ///
  /// An expired license is none of these. Its files ended with it, or go on where its policy keeps access open.
  var isBarred: Bool {
    if deletedAt != nil { return true }
    switch status {
    case .active, .expired: return false
    case .suspended, .revoked, .banned: return true
    }
  }
}
