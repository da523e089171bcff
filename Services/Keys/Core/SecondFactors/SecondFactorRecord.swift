internal import Cryptography
internal import Faults
internal import Primitives

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
    SealingContext(
      accountID: tenant.accountID,
      table: "keys.second_factors",
      column: "sealed_totp_secret",
      rowID: user
    )
  }
}

extension Users {
  /// Opens the secret of a second factor; whoever calls this wipes it.
  func open(_ factor: SecondFactorRecord, of tenant: Tenant) async throws(Fault) -> [UInt8] {
    let version = DataKey.version(ofSealed: factor.sealedSecret) ?? 0
    return try await dataKeys.key(of: tenant, version: version)
      .open(factor.sealedSecret, in: SecondFactorRecord.place(of: factor.userID, tenant))
  }
}
