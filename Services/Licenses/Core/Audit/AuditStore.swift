internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import Protobuf

/// Which lines of the audit log are asked for; nil admits all.
struct AuditFilter {
  var resource: UUID?
  var action: String?
  var actor: String?
}

/// Where the audit log is read.
///
/// All of its SQL is here; what writes the log is in Shared/Changes.
struct AuditStore: Sendable {
  let database: Database

  /// Reads a tenant's lines below an id, newest first.
  func list(
    _ tenant: Tenant,
    _ filter: AuditFilter,
    below: UUID,
    rows: Int32
  ) async throws(Fault) -> [AuditEvent] {
    let listing = Self.listing(filter, below: below, rows: rows)
    let rows = try await database.read(for: tenant, listing)
    return try rows.map { (row) throws(Fault) in try AuditEvent(row) }
  }

  /// What ``list(_:_:below:rows:)`` asks the database.
  ///
  /// Each condition has an index that ends with the id, so that a page is read from where it begins.
  static func listing(_ filter: AuditFilter, below: UUID, rows: Int32) -> Query {
    let ofResource: Query = filter.resource.map { "and resource_id = \($0)" } ?? ""
    let ofAction: Query = filter.action.map { "and action = \($0)" } ?? ""
    let ofActor: Query = filter.actor.map { "and actor_id = \($0)" } ?? ""
    return """
      select entry from changes.audit_entries
      where id < \(below) \(ofResource) \(ofAction) \(ofActor)
      order by id desc limit \(rows)
      """
  }
}

extension AuditEvent {
  /// Reads the entry in a row's first column.
  fileprivate init(_ row: Row) throws(Fault) {
    let entry: [UInt8] = try row.value(0)
    do throws(Fault) {
      self = try entry.span.withUnsafeBytes { (bytes) throws(Fault) in try Self(decoding: bytes) }
    } catch {
      throw .internalError("An entry of the audit log cannot be read", cause: error)
    }
  }
}
