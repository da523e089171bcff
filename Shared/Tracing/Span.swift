public import EventLoop
internal import Glibc

/// One piece of work within a trace that is recorded; where nothing is recorded there is no span.
@EventLoop
public final class Span {
  /// Which side of a call it is.
  ///
  /// The numbers are those of OTLP.
  public enum Kind: Int, Sendable {
    case `internal` = 1
    case server = 2
    case client = 3
  }

  /// What is said about a span.
  enum Value: Sendable {
    case text(String)
    case number(Int)
  }

  /// The most attributes and the most links that are kept; what is beyond is dropped.
  static let attributesMax = 32
  static let linksMax = 32
  /// The longest text of an attribute, in bytes.
  static let textBytesMax = 1_024

  /// What those who are asked on behalf of this span are told.
  public let context: TraceContext
  /// The span that asked for this one; zero where the trace begins.
  let parent: UInt64
  /// What the work is; of a closed set, without anything that a request brought.
  public var name: String
  let kind: Kind
  let began: Instant
  /// Nanoseconds since 1970.
  let beganAt: Int64
  private(set) var ended: Instant?
  private(set) var attributes: [(name: StaticString, value: Value)] = []
  private(set) var links: [TraceContext] = []
  private(set) var failure: String?
  private let tracer: Tracer

  init(_ name: String, _ kind: Kind, _ context: TraceContext, parent: UInt64, tracer: Tracer) {
    self.name = name
    self.kind = kind
    self.context = context
    self.parent = parent
    self.tracer = tracer
    began = .now
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    beganAt = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// Begins a piece of work that this one asks for.
  public func child(_ name: String, _ kind: Kind) -> Span {
    Span(name, kind, tracer.context(within: context), parent: context.span, tracer: tracer)
  }

  /// Says something about the work; never a secret.
  public func note(_ name: StaticString, _ text: String) {
    let isLong = text.utf8.count > Span.textBytesMax
    append(
      name,
      .text(isLong ? String(decoding: text.utf8.prefix(Span.textBytesMax), as: UTF8.self) : text)
    )
  }

  /// Says something about the work.
  public func note(_ name: StaticString, _ number: Int) { append(name, .number(number)) }

  private func append(_ name: StaticString, _ value: Value) {
    if attributes.count < Span.attributesMax { attributes.append((name, value)) }
  }

  /// Notes another one that the work is done for too.
  public func link(_ other: Span) {
    if links.count < Span.linksMax { links.append(other.context) }
  }

  /// The work is over; without effect a second time.
  ///
  /// - Parameter failure: What went wrong, in words that name no secret; nil where nothing did.
  public func end(failure: String? = nil) {
    guard ended == nil else { return }
    ended = .now
    self.failure = failure
    tracer.take(self)
  }

  // MARK: What work is being done for

  /// Whether this process records traces at all: spares everybody else the look for a span.
  public private(set) static var isRecording = false

  static func beginRecording() { isRecording = true }

  /// What the task at hand, or the function that was called from no task, is done for.
  public static var current: Span? { isRecording ? SpanScope.current : nil }

  /// Calls `body` as work for a span; tasks that it starts are too.
  ///
  /// Without a span this is nothing but the call.
  @inline(__always)
  public static func with(_ span: Span?, _ body: () -> Void) {
    guard let span else { return body() }
    SpanScope.$current.withValue(span) { body() }
  }
}

private enum SpanScope {
  @TaskLocal static var current: Span?
}
