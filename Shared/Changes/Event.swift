public import Postgres
public import Primitives
public import Protobuf

/// What happened, by its public name.
///
/// Source: the REST contract, section 5.2; `api_key.*`, `license.leaked` and `webhook.*` are our own.
public enum EventType: String, CaseIterable, Sendable {
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
  case licenseLeaked = "license.leaked"
  case machineActivated = "machine.activated"
  case machineDeactivated = "machine.deactivated"
  case machineHeartbeat = "machine.heartbeat"
  case machineDead = "machine.dead"
  case validationSuccess = "validation.success"
  case validationFailed = "validation.failed"
  case apiKeyExpiring = "api_key.expiring"
  case apiKeyLeaked = "api_key.leaked"
  case webhookDisabled = "webhook.disabled"
}

/// What happened to a resource, for the outbox: written in the transaction of the change itself.
public struct Event: Equatable, Sendable {
  /// UUIDv7 of the moment of the change.
  public let id: UUID
  /// What it was.
  public let type: EventType
  /// The license that it happened to, or to one of whose machines; nil for what concerns none.
  public let licenseID: UUID?
  /// The place among the events of its license, from 1 without gaps; nil for an event without one.
  public let sequence: Int64?
  /// The product of the license, which webhooks may choose events by.
  public var productID: UUID?
  /// The license's metadata, which webhooks may choose events by; nil where the resource is the license itself.
  public var licenseMetadata: JSONB?
  /// The resource after the change: the encoded message that REST answers with, without any secret.
  public let payload: [UInt8]
  /// When it happened.
  public let createdAt: Timestamp

  /// Describes what happened.
  ///
  /// - Parameters:
  ///   - type: What it was.
  ///   - resource: The resource after the change, without any secret.
  ///   - license: The license that it happened to, if any.
  ///   - sequence: Its place among the license's events, for those that have one.
  ///   - product: The license's product.
  ///   - licenseMetadata: The license's metadata, where the resource is something else.
  ///   - now: When it happened.
  public init(
    _ type: EventType,
    _ resource: some ContractMessage,
    license: UUID? = nil,
    sequence: Int64? = nil,
    product: UUID? = nil,
    licenseMetadata: JSONB? = nil,
    at now: Timestamp
  ) {
    id = .v7(at: now)
    self.type = type
    licenseID = license
    self.sequence = sequence
    productID = product
    self.licenseMetadata = licenseMetadata
    var payload: [UInt8] = []
    resource.encode(appendingTo: &payload)
    self.payload = payload
    createdAt = now
  }

  /// Adds events to the outbox.
  ///
  /// - Parameters:
  ///   - events: In any number.
  ///   - tenant: Whose they are.
  /// - Returns: The statement, for a transaction of the tenant.
  public static func insertion(_ events: [Event], for tenant: Tenant) -> Query {
    """
    insert into events.outbox (
      account_id, environment, id, type, license_id, sequence, product_id, license_metadata, payload,
      created_at)
    select \(tenant.accountID), \(tenant.environment), e.id, e.type, e.license_id, e.sequence,
      e.product_id, e.license_metadata, e.payload, e.created_at
    from unnest(\(events.map(\.id)), \(events.map(\.type.rawValue)), \(events.map(\.licenseID)),
      \(events.map(\.sequence)), \(events.map(\.productID)), \(events.map(\.licenseMetadata)),
      \(events.map(\.payload)), \(events.map(\.createdAt)))
      as e (id, type, license_id, sequence, product_id, license_metadata, payload, created_at)
    """
  }
}

extension Change {
  /// Has the outbox tell what happened; committed with the change, or not at all.
  public func emit(_ events: [Event]) {
    guard !events.isEmpty else { return }
    transaction.send(Event.insertion(events, for: tenant))
    hasEvents = true
  }
}
