public import EventLoop
public import Faults
internal import Messages
public import Postgres
public import Primitives
public import Protobuf

/// One change under way: the transaction that makes it, and what the audit log will say of it.
@EventLoop
public final class Change {
  /// Where the change is made.
  public let transaction: Transaction
  /// Whose data it changes.
  public let tenant: Tenant
  /// The moment of the change, the same for all that it writes.
  public let now: Timestamp
  private let origin: Origin
  private let resources: AuditedResources
  private(set) var entries: [AuditEntry] = []
  /// Whether there is something in the outbox to tell of, once it is committed.
  var hasEvents = false

  init(
    _ transaction: Transaction,
    for tenant: Tenant,
    by origin: Origin,
    at now: Timestamp,
    _ resources: AuditedResources
  ) {
    self.transaction = transaction
    self.tenant = tenant
    self.origin = origin
    self.now = now
    self.resources = resources
  }

  /// Has the audit log say what was done; it is written when the change is committed, or not at all.
  ///
  /// What the contract calls secret is left out of `before` and `after`.
  ///
  /// - Parameters:
  ///   - action: What was done, as `resource.verb` in lower case, such as `license.suspend`.
  ///   - id: What it was done to.
  ///   - before: The resource as it was; nil when it was made.
  ///   - after: The resource as it is now; nil when it is gone.
  ///   - reason: What the actor gave as the reason.
  ///   - other: Who did it, where that is not who makes the change: an expiry that comes to light in it.
  /// - Throws: ``Fault`` `internalError` when a message cannot be shown as JSON.
  public func record<Resource: ContractMessage>(
    _ action: String,
    _ id: UUID,
    before: Resource?,
    after: Resource?,
    reason: String? = nil,
    by other: Origin? = nil
  ) throws(Fault) {
    let origin = other ?? self.origin
    let entryID = UUID.v7(at: now)
    let event = AuditEvent(
      id: entryID.description,
      createdAt: now.milliseconds,
      action: action,
      actor: AuditEvent.Actor(kind: origin.kind, id: origin.actorID),
      resourceType: String(Substring(action.utf8.prefix { $0 != UInt8(ascii: ".") })),
      resourceId: id.description,
      before: try resources.json(before),
      after: try resources.json(after),
      reason: reason,
      requestId: origin.requestID,
      clientAddress: origin.clientAddress
    )
    entries.append(AuditEntry(event, id: entryID, resourceID: id))
  }

  /// Sends what was recorded so far to the database, with the next statement.
  ///
  /// For changes of many resources, so that their lines do not gather in memory.
  public func sendRecords() {
    guard !entries.isEmpty else { return }
    transaction.send(AuditEntry.insertion(entries, for: tenant))
    entries.removeAll()
  }
}
