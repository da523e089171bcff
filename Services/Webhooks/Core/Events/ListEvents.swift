public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Reads the feed of events from a cursor on, the oldest first.
  ///
  /// Positions are given when an event is committed to the feed, in order and without gaps: who reads on from
  /// `nextCursor` misses nothing. What is older than events are kept is not in it any more.
  public func listEvents(
    _ request: ListEventsRequest,
    _ call: Call
  ) async throws(Fault) -> ListEventsResponse {
    let tenant = try call.requireTenant()
    let position = request.cursor.flatMap { Int64($0) } ?? 0
    let limit = request.limit ?? Page.defaultLimit
    var license: UUID?
    if let id = request.licenseId { license = try UUID(checked: id) }
    let rows = try await events.list(
      tenant,
      after: position,
      type: request.eventType,
      license: license,
      rows: limit + 1
    )
    let page = rows.prefix(Int(limit))
    return ListEventsResponse(
      data: page.map(\.body),
      pagination: FeedPosition(
        nextCursor: String(page.last?.position ?? position),
        hasMore: rows.count > page.count
      )
    )
  }
}
