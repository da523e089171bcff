internal import EventLoop
internal import Messages
internal import Postgres
internal import Primitives
internal import Protobuf

/// What happened, by its public name.
///
/// Source: the REST contract, section 5.2.
enum EventType: String {
  case licenseCreated = "license.created"
  case licenseActivated = "license.activated"
  case licenseUpdated = "license.updated"
  case licenseSuspended = "license.suspended"
  case licenseReinstated = "license.reinstated"
  case licenseRevoked = "license.revoked"
  case licenseRenewed = "license.renewed"
  case licenseExpired = "license.expired"
  case licenseDeleted = "license.deleted"
  case licenseLimitReached = "license.limit_reached"
  case machineActivated = "machine.activated"
  case machineDeactivated = "machine.deactivated"
  case machineDead = "machine.dead"
}

/// What happened to a license or one of its machines, for the outbox: written in the transaction of the change
/// itself.
struct Event: Equatable, Sendable {
  var id: UUID
  var type: EventType
  var licenseID: UUID
  /// The place among the events of its license, from 1 without gaps.
  var sequence: Int64
  /// The resource after the change: the message that REST answers with, without the key.
  var payload: [UInt8]

  /// Describes what happened.
  ///
  /// - Parameters:
  ///   - type: What it was.
  ///   - resource: The license or machine after the change, without any secret.
  ///   - license: Whose event it is.
  ///   - sequence: Its place among the license's events.
  ///   - now: When it happened.
  init(
    _ type: EventType,
    _ resource: some ContractMessage,
    license: UUID,
    sequence: Int64,
    at now: Timestamp
  ) {
    id = .v7(at: now)
    self.type = type
    licenseID = license
    self.sequence = sequence
    payload = []
    resource.encode(appendingTo: &payload)
  }

  /// Adds events to the outbox.
  static func insertion(_ events: [Event], for tenant: Tenant, at now: Timestamp) -> Query {
    """
    insert into events.outbox (
      account_id, environment, id, type, license_id, sequence, payload, created_at)
    select \(tenant.accountID), \(tenant.environment), e.id, e.type, e.license_id, e.sequence,
      e.payload, \(now)
    from unnest(\(events.map(\.id)), \(events.map(\.type.rawValue)), \(events.map(\.licenseID)),
      \(events.map(\.sequence)), \(events.map(\.payload)))
      as e (id, type, license_id, sequence, payload)
    """
  }
}
