internal import CUV
public import Faults
internal import Glibc

/// What sits on a connection and gives its bytes a meaning.
///
/// All calls come from the loop, outside any job. Output is pulled: a handler that has something to send calls
/// ``Connection/setNeedsFlush()``, and is asked for it once at the end of the tick, and again whenever
/// the peer has taken what was sent before. So a peer that does not read costs one buffer, not a queue.
@EventLoop
public protocol ConnectionHandler: AnyObject {
  /// Bytes have come in; they are only valid during the call.
  func received(_ bytes: UnsafeRawBufferPointer)
  /// The peer has ended its sending side. The connection closes unless the handler still has output.
  func receivedEnd()
  /// Appends what shall be sent next, about ``Connection/outputBytesTarget`` at most.
  func produce(into output: inout [UInt8])
  /// The connection is gone. Nothing is called after this.
  func closed()
}

/// One stream socket, TCP or Unix, with its read and write side driven by the loop.
@EventLoop
public final class Connection: Flushable {
  /// Output that is gathered for one `send`: large enough to be cheap a byte, small enough to keep a
  /// connection's memory bounded while its peer does not read.
  public static let outputBytesTarget = 128 * 1024
  /// Reads in a row before other connections get their turn.
  private static let readsMax = 4
  /// How long the peer may take to end its side after ours, and how many bytes it may still send until then.
  private static let lingerTimeout = Duration.seconds(1)
  private static let lingerBytesMax = 4 * 1024 * 1024

  /// How far the connection is on its way to its end.
  private enum Ending {
    case none
    /// Closed once all output is out; before that, where `lingers`, the peer ends its side too.
    case afterFlush(lingers: Bool)
    /// Our side has ended; what still comes is thrown away.
    case lingering(bytesLeft: Int, LoopTimer)
  }

  /// The other side's address.
  public let peer: SocketAddress?
  private var descriptor: Int32
  private var watcher: SocketWatcher?
  private var handler: (any ConnectionHandler)?
  /// What the peer has not taken yet; empty while it keeps up, since output is made in the loop's own buffer.
  private var output: [UInt8] = []
  private var outputSent = 0
  private var needsFlush = false
  private var ending = Ending.none
  private var isReadingPaused = false
  private var hasReceivedEnd = false

  /// Since when the peer has taken nothing of what waits to be sent; nil while it does or nothing waits.
  public private(set) var outputStalledSince: Instant?

  /// Whether the connection has ended.
  public var isClosed: Bool { descriptor < 0 }

  /// Takes over a connected, non-blocking socket.
  init(owning descriptor: Int32) {
    self.descriptor = descriptor
    peer = SocketAddress.peer(of: descriptor)
    // Without effect on Unix sockets.
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    // A peer whose machine is gone says nothing, and a connection with an open stream may be quiet for long.
    set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, Connection.probeAfterSeconds)
    set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, Connection.probeEverySeconds)
    set(Int32(IPPROTO_TCP), TCP_KEEPCNT, Connection.probeCount)
    set(SOL_SOCKET, SO_KEEPALIVE, 1)
  }

  /// How long a connection is quiet before the peer is probed, how often then, and how many probes go unanswered before
  /// it is lost.
  private static let probeAfterSeconds: Int32 = 120
  private static let probeEverySeconds: Int32 = 15
  private static let probeCount: Int32 = 4

  private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Begins to read, with `handler` behind it.
  ///
  /// Called once.
  public func start(_ handler: any ConnectionHandler) {
    guard !isClosed else {
      handler.closed()
      return
    }
    self.handler = handler
    let watcher = SocketWatcher(descriptor: descriptor) { [unowned self] events in
      // Held for both: reading may end the connection, and with it the last reference to it.
      let connection = self
      if events.contains(.readable) { connection.read() }
      if events.contains(.writable) { connection.flush() }
    }
    self.watcher = watcher
    watcher.watch(.readable)
  }

  /// Has ``ConnectionHandler/produce(into:)`` called at the end of this tick.
  public func setNeedsFlush() {
    guard !needsFlush, !isClosed else { return }
    needsFlush = true
    EventLoop.reactor.markDirty(self)
  }

  /// Stops reading until ``resumeReading()``, so that the peer's sending is held up.
  public func pauseReading() {
    guard !isReadingPaused else { return }
    isReadingPaused = true
    updateEvents()
  }

  /// Reads again after ``pauseReading()``.
  public func resumeReading() {
    guard isReadingPaused else { return }
    isReadingPaused = false
    updateEvents()
  }

  /// Bytes that the handler has produced and the peer has not taken yet.
  public var outputPending: Int { output.count - outputSent }

  /// Ends the connection once all output has been sent.
  public func closeAfterFlush() { end(lingers: false) }

  /// Ends our side once all output has been sent, and the connection once the peer has ended its own, within a second.
  ///
  /// A socket that is closed with bytes unread, or is sent some later, tells the peer "reset", upon which it may throw
  /// away the last answer, and cannot tell a server that ends from one that broke (RFC 9112, section 9.6).
  public func finish() { end(lingers: true) }

  private func end(lingers: Bool) {
    guard !isClosed, case .none = ending else { return }
    ending = .afterFlush(lingers: lingers)
    setNeedsFlush()
  }

  /// Ends the connection now; what was not sent is lost.
  public func close() {
    guard !isClosed else { return }
    let descriptor = descriptor
    self.descriptor = -1
    watcher?.stop()
    watcher = nil
    if case .lingering(_, let timer) = ending { timer.cancel() }
    Glibc.close(descriptor)
    let handler = handler
    self.handler = nil
    handler?.closed()
  }

  private func updateEvents() {
    var events: SocketWatcher.Events = []
    if !isReadingPaused && !hasReceivedEnd { events.insert(.readable) }
    if outputPending > 0 { events.insert(.writable) }
    watcher?.watch(events)
  }

  private func read() {
    let buffer = EventLoop.reactor.readBuffer
    if case .lingering = ending {
      discard(into: buffer)
      return
    }
    for _ in 0..<Connection.readsMax {
      guard !isClosed, !isReadingPaused, !hasReceivedEnd, let handler else { return }
      let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 {
        handler.received(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        // A short read has emptied the socket; asking again would only answer EAGAIN.
        if count < buffer.count { return }
      } else if count == 0 {
        hasReceivedEnd = true
        updateEvents()
        handler.receivedEnd()
        closeAfterFlush()
        return
      } else if errno == EAGAIN || errno == EINTR {
        return
      } else {
        close()
        return
      }
    }
  }

  /// Takes what the peer sends after our end, until its own.
  private func discard(into buffer: UnsafeMutableRawBufferPointer) {
    let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
    if count < 0, errno == EAGAIN || errno == EINTR { return }
    guard count > 0, case .lingering(let bytesLeft, let timer) = ending, count < bytesLeft else {
      close()
      return
    }
    ending = .lingering(bytesLeft: bytesLeft - count, timer)
  }

  /// Sends what there is; called by the loop at the end of a tick and when the socket takes more.
  public func flush() {
    needsFlush = false
    if case .lingering = ending { return }
    guard sendRest() else { return }
    // Taken out while it is lent, so that the handler may do anything meanwhile.
    var buffer = EventLoop.reactor.outputBuffer
    EventLoop.reactor.outputBuffer = []
    defer { EventLoop.reactor.giveBack(buffer) }
    while !isClosed {
      buffer.removeAll(keepingCapacity: true)
      handler?.produce(into: &buffer)
      guard !isClosed else { return }
      if buffer.isEmpty {
        finishFlush()
        return
      }
      let sent = send(buffer, from: 0)
      if sent < buffer.count {
        output = Array(buffer[sent...])
        outputSent = 0
        noteStall()
        return
      }
    }
  }

  /// Sends what an earlier flush left over.
  ///
  /// False while there still is some.
  private func sendRest() -> Bool {
    guard outputPending > 0 else { return !isClosed }
    let sent = send(output, from: outputSent)
    guard !isClosed else { return false }
    if sent > outputSent { outputStalledSince = nil }
    outputSent = sent
    guard outputPending == 0 else {
      noteStall()
      return false
    }
    output = []
    outputSent = 0
    outputStalledSince = nil
    return true
  }

  private func noteStall() {
    guard !isClosed else { return }
    if outputStalledSince == nil { outputStalledSince = Instant.now }
    updateEvents()
  }

  /// Sends bytes until the socket takes no more; gives how far it came.
  ///
  /// Closes the connection on an error.
  private func send(_ bytes: [UInt8], from start: Int) -> Int {
    var offset = start
    while offset < bytes.count {
      let sent = bytes.withUnsafeBytes { bytes in
        Glibc.send(
          descriptor,
          bytes.baseAddress.map { $0 + offset },
          bytes.count - offset,
          Int32(MSG_NOSIGNAL)
        )
      }
      if sent >= 0 {
        offset += sent
      } else if errno == EAGAIN {
        break
      } else if errno != EINTR {
        close()
        break
      }
    }
    return offset
  }

  private func finishFlush() {
    switch ending {
    case .none: updateEvents()
    case .afterFlush(lingers: true) where !hasReceivedEnd: linger()
    case .afterFlush, .lingering: close()
    }
  }

  private func linger() {
    guard shutdown(descriptor, Int32(SHUT_WR)) == 0 else {
      close()
      return
    }
    let timer = LoopTimer(after: Connection.lingerTimeout) { [unowned self] in close() }
    ending = .lingering(bytesLeft: Connection.lingerBytesMax, timer)
    isReadingPaused = false
    updateEvents()
  }
}

extension Connection {
  /// Connects to an address.
  ///
  /// - Throws: ``Fault`` `unavailable` when nobody answers there within `timeout`, or the task is cancelled.
  public static func connect(to address: SocketAddress, timeout: Duration) async throws(Fault)
    -> Connection
  {
    let descriptor = socket(
      address.family,
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        | Int32(SOCK_CLOEXEC.rawValue),
      0
    )
    guard descriptor >= 0 else {
      throw .unavailable("No socket could be opened", detail: errorText(errno))
    }
    let status = address.withSockaddr { Glibc.connect(descriptor, $0, $1) }
    if status != 0 {
      let code = errno
      guard code == EINPROGRESS || code == EAGAIN else {
        Glibc.close(descriptor)
        throw .unavailable("Could not connect to \(address)", detail: errorText(code))
      }
      let outcome = await ConnectAttempt(descriptor: descriptor).run(timeout: timeout)
      if let outcome {
        Glibc.close(descriptor)
        throw .unavailable("Could not connect to \(address)", detail: outcome)
      }
    }
    return Connection(owning: descriptor)
  }
}

/// The wait for a connection attempt to end.
@EventLoop
private final class ConnectAttempt {
  private let descriptor: Int32
  private var watcher: SocketWatcher?
  private var timer: LoopTimer?
  private var continuation: CheckedContinuation<String?, Never>?
  private var wasCancelled = false

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Waits; answers what went wrong, or nil when the socket is connected.
  func run(timeout: Duration) async -> String? {
    await withTaskCancellationHandler {
      if wasCancelled { return "cancelled" }
      return await withCheckedContinuation { continuation in
        self.continuation = continuation
        let watcher = SocketWatcher(descriptor: descriptor) { [self] _ in end(socketError()) }
        self.watcher = watcher
        watcher.watch(.writable)
        timer = LoopTimer(after: timeout) { [self] in end("timed out") }
      }
    } onCancel: {
      EventLoop.perform { [self] in
        wasCancelled = true
        end("cancelled")
      }
    }
  }

  private func socketError() -> String? {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
    return code == 0 ? nil : errorText(code)
  }

  private func end(_ outcome: String?) {
    guard let continuation else { return }
    self.continuation = nil
    watcher?.stop()
    watcher = nil
    timer?.cancel()
    timer = nil
    continuation.resume(returning: outcome)
  }
}

/// The system's text for one of its error numbers.
func errorText(_ code: Int32) -> String {
  guard let text = strerror(code) else { return "error \(code)" }
  return String(cString: text)
}
