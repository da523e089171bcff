internal import Cryptography
public import EventLoop
internal import Faults
internal import Glibc
internal import Logging
internal import Primitives
internal import ServiceKit
internal import WebhooksSending

/// `latchkey listen`: brings the events of a test environment to a receiver under development, wherever that is: nothing
/// has to be reachable from outside.
///
/// The events are read from the gateway's stream, and posted to the receiver as a webhook would be, signed with a secret
/// of this run, which is printed.
@EventLoop
public final class Listen {
  /// What can be said on the command line.
  public struct Options: Sendable {
    /// Where events are posted to.
    public var forward: String
    /// Only events of these types; all when empty.
    public var events: [String]
    /// The folder of `latchkey up`; nil for the default one, unless the environment names a deployment.
    public var dataDirectory: String?
    /// Where to begin: the cursor that an earlier run printed; nil for now.
    public var cursor: String?

    /// Takes what was said.
    public init(forward: String, events: [String], dataDirectory: String?, cursor: String?) {
      self.forward = forward
      self.events = events
      self.dataDirectory = dataDirectory
      self.cursor = cursor
    }
  }

  /// How long to wait before the stream is opened again after it has ended.
  private static let pause = Duration.seconds(1)

  private let options: Options
  private let console = Console()
  private var cursor: String?
  private var hasTrouble = false
  private var isStopped = false

  private init(_ options: Options) {
    self.options = options
    cursor = options.cursor
  }

  /// Does it, until it is interrupted.
  ///
  /// - Returns: The exit status: 1 when it could not begin.
  public static func run(_ options: Options) async -> Int32 {
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    let listen = Listen(options)
    do throws(Fault) {
      return try await listen.run()
    } catch {
      listen.console.complain(error)
      return 1
    }
  }

  private func run() async throws(Fault) -> Int32 {
    let source = try EventSource(dataDirectory: options.dataDirectory)
    let receiver = try ForwardReceiver(options.forward)
    console.say("Events of the test environment of \(source.url) go to \(receiver.url)")
    console.say("They are signed with \(receiver.secret)")
    let signals = StopSignals { [self] _ in
      isStopped = true
      source.close()
    }
    defer { withExtendedLifetime(signals) {} }
    while !isStopped {
      do throws(Fault) {
        try await source.read(after: cursor) { (line) in
          if line.isEmpty { return self.connected() }
          await self.forward(line, to: receiver)
        }
        if !isStopped { tell("the stream has ended") }
      } catch {
        if isStopped { break }
        // A key that is wrong stays wrong; what is gone for a while comes back.
        guard error.code == .unavailable else { throw error }
        tell(error.message)
      }
      if !isStopped { await EventLoop.sleep(for: Self.pause) }
    }
    receiver.close()
    if let cursor { console.say("stopped; go on with --cursor \(cursor)") }
    return 0
  }

  private func connected() {
    guard hasTrouble else { return }
    hasTrouble = false
    console.say("connected again")
  }

  private func tell(_ trouble: String) {
    guard !hasTrouble else { return }
    hasTrouble = true
    console.say("\(trouble); trying again")
  }

  private func forward(_ line: [UInt8], to receiver: ForwardReceiver) async {
    guard let event = StreamedEvent(line) else {
      console.say("a line of the stream could not be read")
      return
    }
    connected()
    if options.events.isEmpty || options.events.contains(event.type) {
      let outcome = await receiver.post(event)
      let time = "\(outcome.duration.wholeMilliseconds) ms"
      let reply = outcome.status.map { "\($0)" } ?? outcome.explanation ?? "no reply"
      console.say("\(event.type) \(event.id) -> \(reply) (\(time))")
    }
    cursor = event.cursor
  }
}

/// A line of the stream: `{"cursor":"12","event":{"id":"evt_...","type":"license.created",...}}`, as the webhooks service
/// writes it.
struct StreamedEvent: Equatable {
  let cursor: String
  let id: String
  let type: String
  /// The envelope, to be posted as it is.
  let body: [UInt8]

  /// Reads a line; nil when it has another form.
  init?(_ line: [UInt8]) {
    guard let (cursor, rest) = Self.text(line[...], after: #"{"cursor":""#),
      let body = Self.drop(rest, #","event":"#), body.last == UInt8(ascii: "}"),
      let (id, afterID) = Self.text(body, after: #"{"id":""#),
      let (type, _) = Self.text(afterID, after: #","type":""#),
      !cursor.isEmpty, cursor.utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    self.cursor = cursor
    self.id = id
    self.type = type
    self.body = Array(body.dropLast())
  }

  private static func drop(_ bytes: ArraySlice<UInt8>, _ prefix: String) -> ArraySlice<UInt8>? {
    bytes.starts(with: prefix.utf8) ? bytes.dropFirst(prefix.utf8.count) : nil
  }

  /// The text up to the next quotation mark, where the bytes begin so; ids, types and cursors need no escapes.
  private static func text(
    _ bytes: ArraySlice<UInt8>,
    after prefix: String
  ) -> (text: String, rest: ArraySlice<UInt8>)? {
    guard let rest = drop(bytes, prefix), let end = rest.firstIndex(of: UInt8(ascii: "\"")) else {
      return nil
    }
    return (String(decoding: rest[..<end], as: UTF8.self), rest[(end + 1)...])
  }
}
