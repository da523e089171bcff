internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Transcoding

extension Webhooks {
  /// How long a stream waits before it looks for events that another process has dispatched.
  private static let streamInterval = Duration.milliseconds(500)
  /// After how many looks without an event an empty line is sent, so that what is between does not take the stream for
  /// dead.
  private static let idleLooksMax = 20
  /// How many events one look takes.
  private static let streamRows: Int32 = 100

  /// Streams the events of the test environment while they happen: a line of JSON for each, with its cursor.
  ///
  /// It begins with an empty line, so that the reader knows that it has begun, and goes on until the call's time is over;
  /// the reader goes on behind the last cursor with another call.
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
    try await responses.write(StreamEventsResponse(data: [UInt8(ascii: "\n")]))
    var idleLooks = 0
    while !streams.isClosed, !Task.isCancelled, Instant.now + Self.streamInterval < call.deadline {
      let entries = try await events.list(tenant, after: position, rows: Self.streamRows)
      for entry in entries {
        try await responses.write(StreamEventsResponse(data: entry.line))
        position = entry.position
      }
      idleLooks = entries.isEmpty ? idleLooks + 1 : 0
      if idleLooks == Self.idleLooksMax {
        idleLooks = 0
        try await responses.write(StreamEventsResponse(data: [UInt8(ascii: "\n")]))
      }
      if entries.count < Int(Self.streamRows) {
        await streams.wait(for: tenant, atMost: Self.streamInterval)
      }
    }
  }
}

extension EventStore.Entry {
  /// The event as a line of the stream.
  fileprivate var line: [UInt8] {
    var text = JSONText(capacity: body.count + 64)
    text.beginObject()
    text.key("cursor")
    text.string(String(position))
    text.key("event")
    body.withUnsafeBytes { text.raw($0) }
    text.endObject()
    return text.bytes + [UInt8(ascii: "\n")]
  }
}
