internal import Faults
internal import Messages
internal import Primitives
internal import ServiceKit

/// What a vendor's decisions make of a license; pure rules.
///
/// Each is given the license as it is at the moment, its expiry considered.
/// Source: the REST contract, section 3.2 and section 9, rows 7 and 17 to 20.
extension License {
  /// The license, suspended.
  ///
  /// - Throws: ``Fault`` `CONFLICT` unless it is active.
  func suspended(at now: Timestamp) throws(Fault) -> License {
    try changed(to: .suspended, at: now, as: "suspended", from: .active) {
      $0.suspendedAt = now.milliseconds
    }
  }

  /// The license, active again.
  ///
  /// - Parameters:
  ///   - expiry: The new expiry that was asked for, in the future.
  ///   - policy: Whose duration is counted from now where none was, and the old one has passed.
  ///   - now: The moment.
  /// - Returns: The license as it becomes.
  /// - Throws: ``Fault`` `CONFLICT` unless it is suspended or expired; `BUSINESS_RULE_VIOLATION` when its
  ///   expiry has passed and nothing says how it goes on.
  func reinstated(
    until expiry: Timestamp?,
    by policy: Policy,
    at now: Timestamp
  ) throws(Fault) -> License {
    var license = try changed(to: .active, at: now, as: "reinstated", from: .suspended, .expired) {
      $0.suspendedAt = nil
    }
    let hasPassed = expiresAt.map { $0 <= now.milliseconds } ?? false
    if let expiry {
      license.expiresAt = expiry.milliseconds
    } else if hasPassed {
      guard let next = policy.expiry(from: now) else { throw Self.endless("reinstated") }
      license.expiresAt = next.milliseconds
    }
    return license
  }

  /// The license, revoked for good.
  ///
  /// - Throws: ``Fault`` `CONFLICT` unless it is active or suspended.
  func revoked(at now: Timestamp) throws(Fault) -> License {
    try changed(to: .revoked, at: now, as: "revoked", from: .active, .suspended) {
      $0.revokedAt = now.milliseconds
    }
  }

  /// The license with a later expiry, active.
  ///
  /// - Parameters:
  ///   - expiry: The new expiry that was asked for, in the future.
  ///   - policy: Whose duration is added where none was: to the present expiry, or to now when that has passed.
  ///   - now: The moment.
  /// - Returns: The license as it becomes.
  /// - Throws: ``Fault`` `CONFLICT` unless it is active or expired; `BUSINESS_RULE_VIOLATION` when nothing
  ///   says until when, or when it never expires.
  func renewed(
    until expiry: Timestamp?,
    by policy: Policy,
    at now: Timestamp
  ) throws(Fault) -> License {
    var license = try changed(to: .active, at: now, as: "renewed", from: .active, .expired)
    if let expiry {
      license.expiresAt = expiry.milliseconds
      return license
    }
    guard let present = expiresAt.map(Timestamp.init(milliseconds:)) else {
      throw .businessRule("A license that never expires is not renewed without expiresAt")
    }
    guard let next = policy.expiry(from: max(now, present)) else { throw Self.endless("renewed") }
    // Renewed often enough, a license lasts as long as times can be written.
    license.expiresAt = min(next, .latest).milliseconds
    return license
  }

  /// The license, banned for good.
  ///
  /// - Throws: ``Fault`` `CONFLICT` when it is revoked or banned.
  func banned(at now: Timestamp) throws(Fault) -> License {
    try changed(to: .banned, at: now, as: "banned", from: .active, .suspended, .expired) {
      $0.bannedAt = now.milliseconds
    }
  }

  private func changed(
    to status: Status,
    at now: Timestamp,
    as action: String,
    from admitted: Status...,
    with change: (inout License) -> Void = { _ in }
  ) throws(Fault) -> License {
    guard admitted.contains(self.status) else {
      throw Fault(
        .aborted,
        "A license that is \(self.status.wireName) cannot be \(action)",
        reason: .conflict
      )
    }
    var license = self
    license.status = status
    license.updatedAt = now.milliseconds
    change(&license)
    return license
  }

  private static func endless(_ action: String) -> Fault {
    .businessRule(
      "The policy has no duration to count from: a license is \(action) until expiresAt, in the future"
    )
  }
}

extension LicenseExtensionRequest {
  /// The expiry that is asked for.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when it is past.
  func expiry(at now: Timestamp) throws(Fault) -> Timestamp? {
    if let issue = Fault.Issue.ofExpiry(expiresAt, at: now) { throw .invalid([issue]) }
    return expiresAt.map(Timestamp.init(milliseconds:))
  }
}
