internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Transcoding

extension Webhooks {
  /// How long a stream waits before it looks for events that another process has dispatched.
  private static let streamInterval = Duration.milliseconds(500)
  /// After how many looks without an event the position is told again, so that what is between does not take the stream
  /// for dead.
  private static let idleLooksMax = 20
  /// How many events one look takes.
  private static let streamRows: Int32 = 100

  /// Streams the events of the test environment while they happen: a line of JSON for each, with its cursor.
  ///
  /// It begins with a line that has the cursor alone, and goes on until the call's time is over. The reader goes on behind
  /// the last cursor with another call, and so misses nothing, even where the stream ends before the first event.
  ///
  /// - Throws: ``Fault`` `permissionDenied` in the live environment; `resourceExhausted` when too many read along.
  public func streamEvents(
    _ request: StreamEventsRequest,
    _ responses: ResponseWriter<StreamEventsResponse>,
    _ call: Call
  ) async throws(Fault) {
    let tenant = try call.requireTenant()
    guard tenant.environment == .test else {
      throw Fault(
        .permissionDenied,
        "Only events of the test environment are streamed; use a test API key, or read GET /events",
        reason: .forbidden
      )
    }
    guard streams.count < EventStreams.countMax else {
      throw Fault(.unavailable, "Too many streams are open; try again later")
    }
    streams.count += 1
    defer { streams.count -= 1 }
    var position: Int64
    if let cursor = request.cursor.flatMap({ Int64($0) }) {
      position = cursor
    } else {
      position = try await events.end(of: tenant)
    }
    try await responses.write(StreamEventsResponse(at: position))
    var idleLooks = 0
    while !streams.isClosed, !Task.isCancelled, Instant.now + Self.streamInterval < call.deadline {
      let entries = try await events.list(tenant, after: position, rows: Self.streamRows)
      for entry in entries {
        try await responses.write(StreamEventsResponse(at: entry.position, entry.body))
        position = entry.position
      }
      idleLooks = entries.isEmpty ? idleLooks + 1 : 0
      if idleLooks == Self.idleLooksMax {
        idleLooks = 0
        try await responses.write(StreamEventsResponse(at: position))
      }
      if entries.count < Int(Self.streamRows) {
        await streams.wait(for: tenant, atMost: Self.streamInterval)
      }
    }
  }
}

extension StreamEventsResponse {
  /// A line that says how far the stream is, and what happened there, if anything did.
  fileprivate init(at position: Int64, _ event: [UInt8]? = nil) {
    var text = JSONText(capacity: (event?.count ?? 0) + 64)
    text.beginObject()
    text.key("cursor")
    text.string(String(position))
    if let event {
      text.key("event")
      event.withUnsafeBytes { text.raw($0) }
    }
    text.endObject()
    self.init(data: text.bytes + [UInt8(ascii: "\n")])
  }
}
