internal import Faults
internal import Postgres
internal import Primitives

/// Where events are read from.
///
/// All of its SQL is here.
struct EventStore: Sendable {
  let database: Database

  /// An event of the feed.
  struct Entry: Sendable {
    let position: Int64
    /// The envelope.
    let body: [UInt8]
  }

  /// Reads a tenant's feed behind a position, the oldest event first.
  ///
  /// - Parameters:
  ///   - tenant: Whose.
  ///   - position: The last that was read; 0 for all.
  ///   - type: Of this type only; of all when nil.
  ///   - license: Of this license only; of all when nil.
  ///   - rows: How many at most.
  /// - Returns: The events.
  /// - Throws: Faults of the database.
  func list(
    _ tenant: Tenant,
    after position: Int64,
    type: String? = nil,
    license: UUID? = nil,
    rows: Int32
  ) async throws(Fault) -> [Entry] {
    let ofType: Query = type.map { "and e.type = \($0)" } ?? ""
    let ofLicense: Query = license.map { "and e.license_id = \($0)" } ?? ""
    let rows = try await database.read(
      for: tenant,
      """
      select e.position, e.body from webhooks.events e
      where e.position > \(position) \(ofType) \(ofLicense)
      order by e.position limit \(rows)
      """
    )
    return try rows.map { (row) throws(Fault) in
      Entry(position: try row.value(0), body: try row.value(1))
    }
  }

  /// How far a tenant's feed goes.
  func end(of tenant: Tenant) async throws(Fault) -> Int64 {
    let rows = try await database.read(for: tenant, "select position from webhooks.feeds")
    return try rows.singleOrNone()?.value(0) ?? 0
  }

  /// Reads the envelope of one event.
  func get(_ tenant: Tenant, id: UUID) async throws(Fault) -> StoredEvent? {
    let rows = try await database.read(
      for: tenant,
      """
      select type, license_id, sequence, api_version, created_at, body from webhooks.events
      where id = \(id)
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return StoredEvent(
      type: try row.value(0),
      licenseID: try row.value(1),
      sequence: try row.value(2),
      apiVersion: try row.value(3),
      createdAt: try row.value(4),
      body: try row.value(5)
    )
  }
}

/// An event as it is kept.
struct StoredEvent: Sendable {
  let type: String
  let licenseID: UUID?
  let sequence: Int64?
  let apiVersion: String
  let createdAt: Timestamp
  /// The envelope.
  let body: [UInt8]

  /// The resource in the envelope: what is behind the first `"data":`, which the envelope has last, since nothing
  /// before it can hold a quotation mark.
  var data: [UInt8] {
    let key = Array(#""data":"#.utf8)
    guard let start = body.firstRange(of: key)?.upperBound else { return Array("{}".utf8) }
    return Array(body[start..<(body.count - 1)])
  }
}
