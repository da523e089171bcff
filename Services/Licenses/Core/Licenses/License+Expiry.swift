internal import Messages
internal import Primitives

extension License.Status {
  /// The state that a license is in at a moment, which its expiry may have changed since it was written.
  ///
  /// Readers decide this themselves, so that no answer depends on when a sweeper comes around to writing
  /// it down. Only an active license expires: a suspended one stays suspended.
  func at(
    _ now: Timestamp,
    expiresAt: Timestamp?,
    strategy: Policy.ExpirationStrategy
  ) -> License.Status {
    guard self == .active, let expiresAt, expiresAt <= now else { return self }
    return strategy == .revoke ? .revoked : .expired
  }
}

extension License {
  /// The license as it is at a moment, its expiry considered.
  func at(_ now: Timestamp, strategy: Policy.ExpirationStrategy) -> License {
    var license = self
    let expiry = expiresAt.map(Timestamp.init(milliseconds:))
    license.status = status.at(now, expiresAt: expiry, strategy: strategy)
    if license.status == .revoked, license.revokedAt == nil { license.revokedAt = expiresAt }
    return license
  }
}
