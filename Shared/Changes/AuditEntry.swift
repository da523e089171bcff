public import Faults
public import Messages
internal import Postgres
public import Primitives

/// A line of the audit log as the database keeps it: the whole as bytes, which the chain seals, and beside it the
/// columns that lists are filtered by.
public struct AuditEntry: Sendable, Equatable {
  /// UUIDv7 of the moment of the change.
  public let id: UUID
  /// What was done.
  public let action: String
  /// What it was done to.
  public let resourceID: UUID?
  /// Who did it.
  public let actorID: String?
  /// The encoded ``AuditEvent``.
  public let bytes: [UInt8]

  /// Encodes an event.
  public init(_ event: AuditEvent) throws(Fault) {
    guard let id = UUID(event.id) else {
      throw .internalError("An audit event has no id")
    }
    self.init(event, id: id, resourceID: event.resourceId.flatMap { UUID($0) })
  }

  /// Encodes an event whose ids are known as such.
  init(_ event: AuditEvent, id: UUID, resourceID: UUID?) {
    self.id = id
    action = event.action
    self.resourceID = resourceID
    actorID = event.actor.id
    var bytes: [UInt8] = []
    event.encode(appendingTo: &bytes)
    self.bytes = bytes
  }

  /// Adds entries to the log and to what waits for the sealer.
  static func insertion(_ entries: [AuditEntry], for tenant: Tenant) -> Query {
    """
    with entry as (
      insert into changes.audit_entries (
        account_id, environment, id, action, resource_id, actor_id, entry)
      select \(tenant.accountID), \(tenant.environment), e.id, e.action, e.resource_id, e.actor_id, e.entry
      from unnest(\(entries.map(\.id)), \(entries.map(\.action)), \(entries.map(\.resourceID)),
        \(entries.map(\.actorID)), \(entries.map(\.bytes)))
        as e (id, action, resource_id, actor_id, entry)
    )
    insert into changes.audit_unsealed (account_id, environment, entry_id)
    select \(tenant.accountID), \(tenant.environment), id from unnest(\(entries.map(\.id))) as e (id)
    """
  }
}
