internal import Cryptography
internal import Faults
internal import Primitives
internal import Sealing

/// What the database keeps of a user's second factor.
struct SecondFactorRecord: Sendable {
  var userID: UUID
  var sealedSecret: [UInt8]
  /// Nil until a code has shown that the secret arrived.
  var confirmedAt: Timestamp?
  /// The time step of the last code that was accepted.
  var lastStep: Int64

  /// Where the secret of a user is kept, which it is bound to.
  static func place(of user: UUID, _ tenant: Tenant) -> SealingContext {
    Keys.secondFactors.place("sealed_totp_secret", row: user, account: tenant.accountID)
  }
}

extension Users {
  /// Opens the secret of a second factor; whoever calls this wipes it.
  func open(_ factor: SecondFactorRecord, of tenant: Tenant) async throws(Fault) -> [UInt8] {
    let place = SecondFactorRecord.place(of: factor.userID, tenant)
    return try await dataKeys.open(factor.sealedSecret, in: place, of: tenant)
  }
}
