internal import Faults
internal import Postgres
internal import Primitives

/// An event as its producer wrote it.
struct OutboxEvent: Sendable {
  let id: UUID
  let type: String
  let licenseID: UUID?
  let sequence: Int64?
  let productID: UUID?
  /// The license's metadata, where the payload is something else.
  let licenseMetadata: JSONB?
  /// The encoded resource.
  let payload: [UInt8]
  let createdAt: Timestamp

  static let columns = """
    o.id, o.type, o.license_id, o.sequence, o.product_id, o.license_metadata, o.payload, o.created_at
    """

  /// Reads a row of ``columns``.
  init(_ row: Row) throws(Fault) {
    id = try row.value(0)
    type = try row.value(1)
    licenseID = try row.value(2)
    sequence = try row.value(3)
    productID = try row.value(4)
    licenseMetadata = try row.value(5)
    payload = try row.value(6)
    createdAt = try row.value(7)
  }

  init(
    id: UUID,
    type: String,
    licenseID: UUID?,
    sequence: Int64?,
    productID: UUID? = nil,
    licenseMetadata: JSONB? = nil,
    payload: [UInt8],
    createdAt: Timestamp
  ) {
    self.id = id
    self.type = type
    self.licenseID = licenseID
    self.sequence = sequence
    self.productID = productID
    self.licenseMetadata = licenseMetadata
    self.payload = payload
    self.createdAt = createdAt
  }
}

extension [OutboxEvent] {
  /// The order of the feed: by time, and those of a license by their sequence, whatever the clocks of those who
  /// wrote them said.
  func inFeedOrder() -> [OutboxEvent] {
    let byTime = sorted { $0.id < $1.id }
    var ofLicense: [UUID: [OutboxEvent]] = [:]
    for event in byTime {
      guard let license = event.licenseID, event.sequence != nil else { continue }
      ofLicense[license, default: []].append(event)
    }
    for (license, events) in ofLicense where events.count > 1 {
      ofLicense[license] = events.sorted { ($0.sequence ?? 0) > ($1.sequence ?? 0) }
    }
    // Each license keeps the places that its events have, and fills them in their sequence.
    return byTime.map { event in
      guard let license = event.licenseID, event.sequence != nil,
        let next = ofLicense[license]?.popLast()
      else { return event }
      return next
    }
  }
}
