internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import Protobuf

/// A license whose row is locked until the transaction ends, so that what is decided about it holds.
///
/// Everything that changes a license, or one of its machines, locks the license first.
struct LockedLicense {
  let id: UUID
  /// The license as it was written, with its policy; change it, then save it by ``LicenseStore/save(_:_:)``.
  var license: License
  /// The policy that the license is on.
  var policy: Policy
  /// The number of the license's latest event.
  private(set) var eventSequence: Int64
  /// Whether the license's files did not count when it was locked.
  let wasBarred: Bool
  /// What happened in this transaction, for the outbox.
  private(set) var events: [Event] = []

  /// Takes what was read under the lock.
  init(id: UUID, _ license: License, _ policy: Policy, eventSequence: Int64) {
    self.id = id
    self.license = license
    self.policy = policy
    self.eventSequence = eventSequence
    wasBarred = license.isBarred
  }

  /// The license as it is at a moment, its expiry considered.
  func current(at now: Timestamp) -> License {
    license.at(now, strategy: policy.expirationStrategy)
  }

  /// Writes down an expiry that has passed and that no sweeper has come to yet, as a change of its own before
  /// the one under way; without effect on a license that is not due.
  ///
  /// - Returns: Whether it was due.
  @EventLoop
  @discardableResult
  mutating func settleExpiry(_ change: Change) throws(Fault) -> Bool {
    var expired = current(at: change.now)
    guard expired.status != license.status else { return false }
    expired.updatedAt = change.now.milliseconds
    let action = expired.status == .revoked ? "license.revoke" : "license.expire"
    try change.record(action, id, before: license, after: expired, by: .service)
    license = expired
    emit(expired.status == .revoked ? .licenseRevoked : .licenseExpired, license, at: change.now)
    return true
  }

  /// Has the outbox tell what happened; written when the license is saved.
  ///
  /// - Parameters:
  ///   - type: What it was.
  ///   - resource: The license or machine after the change.
  ///   - now: The moment of the change.
  mutating func emit(_ type: EventType, _ resource: some ContractMessage, at now: Timestamp) {
    eventSequence += 1
    events.append(
      Event(
        type,
        resource,
        license: id,
        sequence: eventSequence,
        product: UUID(license.productId),
        licenseMetadata: resource is License ? nil : JSONB(text: license.metadata),
        at: now
      )
    )
  }
}
