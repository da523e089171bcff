internal import EventLoop
internal import Faults
internal import HTTP
internal import Messages

/// What a server says of a service's health, heard on one connection for as long as that takes calls.
///
/// A server that does not tell of health takes calls. The last word of a stream that ends stands while the next one is
/// opened: a stream may end for its age alone, and would take all connections that are as old with it. When that one
/// ends without a word, calls are not for this server.
///
/// The stream is no call that anybody makes: it is not counted, and has no part in turns.
///
/// Source: gRPC, A17 "Client-Side Health Checking".
@EventLoop
final class HealthWatch {
  private static let path = "/grpc.health.v1.Health/Watch"
  /// Pauses before a stream that has ended is opened again: the first, and the longest.
  private static let pauseFirst = Duration.milliseconds(50)
  private static let pauseMax = Duration.seconds(2)
  /// The time for the first word of a stream.
  private static let wordTimeout = Duration.seconds(3)

  private let connection: HTTP2ClientConnection
  private let service: String
  private var onWord: (@EventLoop (_ obstacle: Fault?) -> Void)?
  private var stream: ClientStream?
  private var task: Task<Void, Never>?
  /// Whether the stream that is open, or was last, has said anything.
  private var hasSpoken = false

  /// Makes a watch that hears nothing yet.
  ///
  /// - Parameters:
  ///   - service: The full name; empty for the server as a whole.
  ///   - connection: Where the server is.
  init(of service: String, on connection: HTTP2ClientConnection) {
    self.service = service
    self.connection = connection
  }

  /// Listens from now on.
  ///
  /// - Parameter onWord: Told of each word: nil when the server takes calls, else why it gets none.
  func start(_ onWord: @escaping @EventLoop (_ obstacle: Fault?) -> Void) {
    self.onWord = onWord
    task = EventLoop.spawn { [self] in await listen() }
  }

  /// Listens no more, so that the connection can be closed when its calls are through.
  func end() {
    onWord = nil
    stream?.cancel()
    stream = nil
    task?.cancel()
    task = nil
  }

  private func listen() async {
    var pause = HealthWatch.pauseFirst
    while onWord != nil {
      let obstacle = await listenOnce()
      if obstacle.code == .unimplemented {
        onWord?(nil)
        return
      }
      if hasSpoken {
        pause = HealthWatch.pauseFirst
      } else {
        onWord?(obstacle)
      }
      guard onWord != nil else { return }
      await EventLoop.sleep(for: pause * Double.random(in: 1...1.5))
      pause = min(pause * 2, HealthWatch.pauseMax)
    }
  }

  /// Opens a stream, and gives what has ended it.
  private func listenOnce() async -> Fault {
    hasSpoken = false
    let stream = ClientStream(isUnary: false)
    let isOpen = stream.open(
      on: connection,
      path: HealthWatch.path,
      fields: CallFields.constant,
      deadline: Instant.now + Timeout.max
    )
    guard isOpen else { return Fault.unavailable("The connection takes no more calls") }
    self.stream = stream
    let timer = LoopTimer(after: HealthWatch.wordTimeout) { stream.cancel() }
    defer { timer.cancel() }
    stream.send(HealthCheckRequest(service: service), isLast: true)
    do throws(Fault) {
      while let word: HealthCheckResponse = try await stream.next() {
        timer.cancel()
        hasSpoken = true
        onWord?(
          word.status == .serving
            ? nil : Fault.unavailable("The server says that it takes no calls")
        )
      }
      return Fault.unavailable("The server tells no more of its health")
    } catch {
      return timer.isActive || hasSpoken
        ? error : Fault.unavailable("The server told nothing of its health in time")
    }
  }
}
