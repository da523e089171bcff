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
/// of this run, which is printed. Each line of the stream says how far it is, the first one where it begins: so whatever
/// ends it, and whenever, the next one goes on behind what was forwarded.
@EventLoop
public final class Listen {
  /// What can be said on the command line.
  public struct Options: Sendable {
    /// Where events are posted to.
    public var forward: String
    /// Only events of these types, by the names that webhooks choose them by; all when empty.
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
  private let selection: EventSelection
  private let console: Console
  /// Behind what the next stream begins; nil for now.
  private var cursor: String?
  private var hasBegun = false
  private var hasTrouble = false
  private var isStopped = false

  private init(_ options: Options, _ console: Console) throws(Fault) {
    self.options = options
    self.console = console
    selection = try EventSelection(options.events)
    cursor = options.cursor
  }

  /// Does it, until it is interrupted.
  ///
  /// - Returns: The exit status: 1 when it could not begin.
  public static func run(_ options: Options) async -> Int32 {
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    let console = Console()
    do throws(Fault) {
      return try await Listen(options, console).run()
    } catch {
      console.complain(error)
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
          await self.take(line, to: receiver)
        }
        if !isStopped { tell("the stream has ended") }
      } catch {
        if isStopped { break }
        // A key that is wrong stays wrong; what is gone for a while comes back.
        guard error.code == .unavailable else {
          if hasBegun { sayWhereToGoOn() }
          throw error
        }
        tell(error.message)
      }
      if !isStopped { await EventLoop.sleep(for: Self.pause) }
    }
    receiver.close()
    sayWhereToGoOn()
    return 0
  }

  private func sayWhereToGoOn() {
    if let cursor { console.say("stopped; go on with --cursor \(cursor)") }
  }

  /// Does what a line of the stream asks for.
  private func take(_ line: [UInt8], to receiver: ForwardReceiver) async {
    // What is still there of a stream that was closed is left to the next run.
    guard !isStopped else { return }
    guard let line = StreamedLine(line) else {
      console.say("a line of the stream could not be read")
      return
    }
    began(at: line.cursor)
    if let event = line.event, selection.contains(event.type) {
      let outcome = await receiver.post(event)
      let time = "\(outcome.duration.wholeMilliseconds) ms"
      let reply = outcome.status.map { "\($0)" } ?? outcome.explanation ?? "no reply"
      console.say("\(event.type) \(event.id) -> \(reply) (\(time))")
    }
    cursor = line.cursor
  }

  private func began(at cursor: String) {
    if !hasBegun {
      console.say("Listening, from cursor \(cursor) on")
    } else if hasTrouble {
      console.say("connected again")
    }
    hasBegun = true
    hasTrouble = false
  }

  private func tell(_ trouble: String) {
    guard !hasTrouble else { return }
    hasTrouble = true
    console.say("\(trouble); trying again")
  }
}
