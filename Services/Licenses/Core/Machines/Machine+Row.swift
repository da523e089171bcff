internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

extension Machine {
  /// The columns that ``init(_:from:on:at:)`` reads, of a table called `m`.
  static let columns = """
    m.id, m.license_id, m.fingerprint, m.name, m.platform, m.hostname, m.ip_address, m.cores,
    m.metadata, m.last_heartbeat_at, m.last_seen_at, m.created_at, m.updated_at, m.deleted_at
    """
  /// How many ``columns`` there are.
  static let columnCount = 14

  /// Reads ``columns``, which begin at a column, and says by the terms of the machine's policy whether the machine is
  /// alive at a moment.
  init(
    _ row: Row,
    from first: Int,
    on terms: HeartbeatTerms,
    at now: Timestamp
  ) throws(Fault) {
    let id: UUID = try row.value(first)
    let licenseID: UUID = try row.value(first + 1)
    let metadata: JSONB = try row.value(first + 8)
    let lastHeartbeat: Timestamp? = try row.value(first + 9)
    let lastSeen: Timestamp = try row.value(first + 10)
    let createdAt: Timestamp = try row.value(first + 11)
    let updatedAt: Timestamp = try row.value(first + 12)
    let deletedAt: Timestamp? = try row.value(first + 13)
    self.init(
      id: id.description,
      licenseId: licenseID.description,
      fingerprint: try row.value(first + 2),
      name: try row.value(first + 3),
      platform: try row.namedOrNull(first + 4),
      hostname: try row.value(first + 5),
      ipAddress: try row.value(first + 6),
      cores: try row.value(first + 7),
      heartbeatStatus: .notStarted,
      lastHeartbeatAt: nil,
      metadata: metadata.text,
      createdAt: createdAt.milliseconds,
      updatedAt: updatedAt.milliseconds,
      deletedAt: deletedAt?.milliseconds,
      heartbeatDueAt: nil
    )
    hear(on: terms, lastHeartbeat: lastHeartbeat, lastSeen: lastSeen, at: now)
  }

  /// Says whether the machine is alive at a moment, and until when.
  mutating func hear(
    on terms: HeartbeatTerms,
    lastHeartbeat: Timestamp?,
    lastSeen: Timestamp,
    at now: Timestamp
  ) {
    heartbeatStatus = terms.status(lastHeartbeat: lastHeartbeat, lastSeen: lastSeen, at: now)
    lastHeartbeatAt = lastHeartbeat?.milliseconds
    heartbeatDueAt = terms.due(lastSeen: lastSeen)?.milliseconds
  }
}
