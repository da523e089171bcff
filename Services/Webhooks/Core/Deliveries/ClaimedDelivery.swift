internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// A delivery that this process alone may make until its lease ends.
///
/// A class, since it is handed on at every step.
final class ClaimedDelivery: Sendable {
  let tenant: Tenant
  let endpointID: UUID
  /// The version of the webhook when it was claimed: settings in memory of an older one are read again.
  let endpointVersion: Int32
  let id: UUID
  let eventID: UUID
  let eventType: String
  let licenseID: UUID?
  /// Set where the next delivery of the same license waits for this one.
  let linePosition: Int64?
  /// How many attempts were made before.
  let attemptCount: Int32
  /// What is posted; nil when the event is not kept any more.
  let body: [UInt8]?
  /// When it was due before it was claimed, where that is known.
  let dueAt: Timestamp?
  /// Until when nobody else makes it.
  let leaseEnds: Instant
  /// Under what it was claimed; nil where nobody has.
  let claim: Lease?

  /// How long one is claimed for: several times what an attempt may take, so that it may wait in line here, and short
  /// enough for a process that died not to be missed for long.
  static let lease = Duration.seconds(60)
  /// How much of the lease must be left when an attempt begins: what it may take, and time to write what came of it.
  static let attemptReserve = Duration.seconds(15)

  /// The worker that has claimed it.
  var claimedBy: Int32? { claim?.worker }

  /// How the log keeps the head of the request of an attempt.
  func keptHead(at startedAt: Timestamp) -> KeptHead {
    KeptHead(
      eventID: EventID.text(eventID),
      eventType: eventType,
      deliveryID: id.description,
      startedAt: startedAt
    )
  }

  /// Reads a row of `webhooks.claim_deliveries`.
  init(_ row: Row, leaseEnds: Instant, claim: Lease?) throws(Fault) {
    tenant = Tenant(accountID: try row.value(0), environment: try row.value(1))
    endpointID = try row.value(2)
    endpointVersion = try row.value(3)
    id = try row.value(4)
    eventID = try row.value(5)
    eventType = try row.value(6)
    licenseID = try row.value(7)
    linePosition = try row.value(8)
    attemptCount = try row.value(9)
    body = try row.value(10)
    dueAt = try row.value(11)
    self.leaseEnds = leaseEnds
    self.claim = claim
  }

  init(
    tenant: Tenant,
    endpointID: UUID,
    endpointVersion: Int32,
    id: UUID,
    eventID: UUID,
    eventType: String,
    licenseID: UUID?,
    body: [UInt8],
    dueAt: Timestamp? = nil,
    leaseEnds: Instant,
    claim: Lease? = nil
  ) {
    self.tenant = tenant
    self.endpointID = endpointID
    self.endpointVersion = endpointVersion
    self.id = id
    self.eventID = eventID
    self.eventType = eventType
    self.licenseID = licenseID
    linePosition = nil
    attemptCount = 0
    self.body = body
    self.dueAt = dueAt
    self.leaseEnds = leaseEnds
    self.claim = claim
  }
}

/// Until when a worker has claimed deliveries: what it marks them by in the database.
///
/// A worker has no two that end at the same moment, so a lease names what was claimed under it.
struct Lease: Hashable, Sendable {
  let worker: Int32
  let began: Timestamp
  var ends: Timestamp { began + ClaimedDelivery.lease }
}

extension Fault {
  /// Whether what ended with it may have been done all the same: the answer was lost, and not a refusal.
  var mayBeCommitted: Bool { code == .unavailable }
}

/// One webhook and one license, whose deliveries wait for each other.
struct DeliveryLine: Hashable, Sendable {
  let endpointID: UUID
  let licenseID: UUID
}
