public import EventLoop
internal import Primitives

/// One line of log for each request, in the form of all other lines.
///
/// Written into one buffer, without the dictionaries of a logger, and given away once a tick. What is told
/// of a request is of closed sets, identifiers or addresses, so that no secret can be among it: the route's template and
/// never the path.
@EventLoop
public final class RequestLog: Flushable {
  /// What is told of a request.
  public struct Entry {
    /// What `X-Request-Id` says.
    public var requestID: String
    /// The HTTP method, or nil for a call.
    public var method: String?
    /// The route's template, or the method of a call; nil for what has none.
    public var route: String?
    /// What the answer says, in HTTP's or gRPC's way.
    public var status: String
    /// From the head of the request to the end of the answer.
    public var nanoseconds: Int64
    /// Whose data; nil where nobody knows.
    public var accountID: String?
    /// `test` or `live`.
    public var environment: String?
    /// Which user, API key or service asked; nil for anybody.
    public var actorID: String?
    /// The client's address.
    public var address: String?
    /// The trace that the request is recorded in.
    public var traceID: String?

    /// An entry with what every one has.
    public init(requestID: String, status: String, nanoseconds: Int64) {
      self.requestID = requestID
      self.status = status
      self.nanoseconds = nanoseconds
    }
  }

  private let service: String
  private let level: String
  private let write: @Sendable ([UInt8]) -> Void
  private var lines: [UInt8] = []
  private var time = Timestamp(milliseconds: 0)
  private var timeText = ""

  /// Makes a log.
  ///
  /// - Parameters:
  ///   - service: The name of the process.
  ///   - level: What the lines say that they are of.
  ///   - write: Takes whole lines; standard error if nothing is said.
  public init(
    service: String,
    level: String = "info",
    write: @escaping @Sendable ([UInt8]) -> Void = JSONLogHandler.writeToStandardError
  ) {
    self.service = service
    self.level = level
    self.write = write
  }

  /// Writes the line of a request that is over.
  public func note(_ entry: Entry) {
    let now = Timestamp.now()
    if now != time {
      time = now
      timeText = now.iso8601
    }
    var line = LogLine(lines)
    lines = []
    line.add("time", timeText)
    line.add("level", level)
    line.add("service", service)
    line.add("logger", "requests")
    line.add("message", "request")
    line.add("requestId", entry.requestID)
    if let method = entry.method { line.add("method", method) }
    line.add("route", entry.route ?? "other")
    line.add("status", entry.status)
    line.add("milliseconds") { RequestLog.append(nanoseconds: entry.nanoseconds, to: &$0) }
    if let account = entry.accountID { line.add("account", account) }
    if let environment = entry.environment { line.add("environment", environment) }
    if let actor = entry.actorID { line.add("actor", actor) }
    if let address = entry.address { line.add("address", address) }
    if let trace = entry.traceID { line.add("traceId", trace) }
    line.finish()
    if line.wasEmpty { EventLoop.flushAtEndOfTick(self) }
    lines = line.bytes
  }

  /// Milliseconds with three places, as a number.
  private static func append(nanoseconds: Int64, to line: inout LogLine) {
    let (whole, rest) = max(0, nanoseconds / 1_000).quotientAndRemainder(dividingBy: 1_000)
    line.append(raw: String(whole))
    line.append(raw: rest < 10 ? ".00" : rest < 100 ? ".0" : ".")
    line.append(raw: String(rest))
  }

  /// Gives away what was written in this tick; called by the loop.
  public func flush() {
    write(lines)
    lines.removeAll(keepingCapacity: true)
  }
}
