internal import CPQ
internal import EventLoop
internal import Faults
internal import Glibc

/// One session with the server, in pipeline mode: many exchanges may be in flight, and each is answered
/// in turn.
///
/// Owns the handle of libpq, which is freed by ``close(_:)``; whoever makes a connection closes it.
@EventLoop
final class Connection {
  /// What happens to a connection outside of exchanges.
  enum Event {
    /// It broke, or was closed; nothing follows.
    case closed(Fault)
    /// A notification came.
    case notified(channel: String, payload: String)
  }

  /// The oldest server whose features are used.
  private static let serverVersionMin: Int32 = 140_000

  /// How often it is read before others have their turn: libpq reads some 16 KB at a time, and a long answer would else
  /// take a turn of the loop for each.
  private static let readsMax = 64

  private(set) var handle: OpaquePointer?
  private var watcher: SocketWatcher?
  var statements = StatementTable()
  var pending = FIFO<Exchange>()
  /// When an answer last came, or the first exchange was sent after a rest.
  var lastProgress = Instant(nanoseconds: 0)
  /// The script under way, outside of the pipeline.
  var script: ScriptRun?
  /// Space for the parameters of one statement, kept from one to the next.
  var values: [UnsafePointer<CChar>?] = []
  var lengths: [Int32] = []
  var formats: [Int32] = []
  private var startup: UnsafeContinuation<Result<Void, Fault>, Never>?
  private var startupTimer: LoopTimer?
  /// What counts exchanges.
  var counts: ExchangeCounts?
  /// What to tell about events once connected.
  var onEvent: (@EventLoop (Event) -> Void)?

  /// Whether a server that only reads will not do.
  let mustBeWritable: Bool
  /// Whether the server has turned out to be such a one, as a primary does that was replaced.
  var isDemoted = false

  private init(_ handle: OpaquePointer, mustBeWritable: Bool) {
    self.handle = handle
    self.mustBeWritable = mustBeWritable
  }

  /// How many exchanges are in flight.
  var inFlightCount: Int { pending.count }

  /// Whether statements can be sent.
  var isOpen: Bool { handle != nil && startup == nil }

  // MARK: Connecting

  /// Connects; every step on the loop.
  ///
  /// - Throws: ``Fault`` `unavailable` when no host can be reached and entered within `limit`.
  static func connect(
    to target: ConnectionTarget,
    limit: Duration,
    rotation: Int = 0
  ) async throws(Fault) -> Connection {
    let deadline = Instant.now + limit
    let hosts = try await target.resolved(rotation: rotation)
    guard let handle = target.begin(hosts) else {
      throw .databaseUnavailable(detail: "libpq has no memory for a connection")
    }
    let connection = Connection(handle, mustBeWritable: target.mustBeWritable)
    // Notices go to standard error otherwise; what they say comes as errors where it matters.
    PQsetNoticeProcessor(handle, { _, _ in }, nil)
    let outcome = await withUnsafeContinuation { continuation in
      connection.startup = continuation
      connection.startupTimer = LoopTimer(after: deadline - Instant.now) {
        connection.endStartup(.databaseUnavailable(detail: "Connecting took longer than \(limit)"))
      }
      // The manual: "behave as if PQconnectPoll last returned PGRES_POLLING_WRITING".
      connection.proceed(PGRES_POLLING_WRITING)
    }
    try outcome.get()
    return connection
  }

  /// Waits for what libpq wants next; its socket may be another one after each step.
  private func proceed(_ status: PostgresPollingStatusType) {
    guard let handle else { return }
    switch status {
    case PGRES_POLLING_OK:
      endStartup(enterPipelineMode())
    case PGRES_POLLING_READING, PGRES_POLLING_WRITING:
      guard PQstatus(handle) != CONNECTION_BAD, PQsocket(handle) >= 0 else {
        endStartup(.databaseUnavailable(detail: errorText))
        return
      }
      watcher = SocketWatcher(descriptor: PQsocket(handle)) { [self] _ in
        // Libpq may close the socket in this step, so the watcher must be gone before.
        watcher?.stop()
        watcher = nil
        if let handle = self.handle { proceed(PQconnectPoll(handle)) }
      }
      watcher?.watch(status == PGRES_POLLING_READING ? .readable : .writable)
    default:
      endStartup(.databaseUnavailable(detail: errorText))
    }
  }

  private func enterPipelineMode() -> Fault? {
    guard let handle else { return .databaseUnavailable() }
    guard PQserverVersion(handle) >= Connection.serverVersionMin else {
      return .databaseUnavailable(detail: "The server is older than PostgreSQL 14")
    }
    guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else {
      return .databaseUnavailable(detail: errorText)
    }
    watcher = SocketWatcher(descriptor: PQsocket(handle)) { [self] events in ready(events) }
    watcher?.watch(.readable)
    return nil
  }

  private func endStartup(_ fault: Fault?) {
    guard let startup else { return }
    self.startup = nil
    startupTimer?.cancel()
    startupTimer = nil
    if let fault {
      close(fault)
      startup.resume(returning: .failure(fault))
    } else {
      startup.resume(returning: .success(()))
    }
  }

  // MARK: Reading and writing

  private func ready(_ events: SocketWatcher.Events) {
    guard let handle else { return }
    // Reading comes first: a server that waits for its answers to be read reads nothing itself.
    if events.contains(.readable) {
      for _ in 0..<Connection.readsMax {
        guard PQconsumeInput(handle) == 1 else {
          // What came before the end may be answers, or the server's reason for leaving.
          receive()
          close(.databaseUnavailable(detail: errorText))
          return
        }
        receive()
        guard isMidAnswer else { break }
      }
    }
    flush()
  }

  /// Whether an answer is due and more of it is there to be read.
  private var isMidAnswer: Bool {
    guard let handle, !pending.isEmpty else { return false }
    var socket = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
    return poll(&socket, 1, 0) == 1
  }

  /// Writes what libpq holds, and watches for room where the server does not take it all.
  func flush() {
    guard let handle else { return }
    switch PQflush(handle) {
    case 0: watcher?.watch(.readable)
    case 1: watcher?.watch([.readable, .writable])
    default: close(.databaseUnavailable(detail: errorText))
    }
  }

  /// Fails everything in flight when no answer has come for `limit` although one is due: the server,
  /// or the way to it, is stuck.
  func closeIfStuck(limit: Duration) {
    guard !pending.isEmpty, Instant.now - lastProgress > limit else { return }
    close(.databaseUnavailable(detail: "No answer came for \(limit)"))
  }

  /// Ends the session and fails everything in flight.
  ///
  /// Without effect a second time.
  func close(_ fault: Fault) {
    guard let handle else { return }
    self.handle = nil
    watcher?.stop()
    watcher = nil
    PQfinish(handle)
    for exchange in pending.removeAll() { exchange.lose(fault) }
    endScript(fault)
    let onEvent = onEvent
    self.onEvent = nil
    onEvent?(.closed(fault))
  }

  /// Libpq's words for its last error, on one line.
  ///
  /// They name hosts and roles, never passwords.
  var errorText: String {
    guard let handle, let text = PQerrorMessage(handle) else { return "" }
    return String(cString: text).split(separator: "\n").joined(separator: " ")
  }
}
