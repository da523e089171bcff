public import CCurl
public import EventLoop
internal import Glibc

/// All of libcurl's transfers, driven by the loop: sockets by watchers, its timer by a timer.
///
/// Source: libcurl, "libcurl multi socket overview" (`curl_multi_socket_action`).
@EventLoop
public final class CurlMulti: Flushable {
  /// libcurl's own global state; touched before anything else of it is used.
  private static let library: Void = {
    // Returns CURLE_OK unless memory runs out.
    precondition(curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK, "libcurl did not start")
  }()

  private let multi: UnsafeMutableRawPointer
  /// What libcurl wants, which the handles' callbacks note too.
  public let events = MultiEvents()
  /// Told of each transfer that has ended, which it must ``remove(_:)``.
  private let ended: @EventLoop (UnsafeMutableRawPointer, CURLcode) -> Void
  private var sockets: [Int32: SocketWatcher] = [:]
  /// What libcurl wants to know of a socket; a socket that rests in its pool of connections is not here.
  private var interests: [Int32: SocketWatcher.Events] = [:]
  private var timer: LoopTimer?
  private var isMarked = false
  private var isClosed = false

  /// Makes a set of transfers without any.
  ///
  /// - Parameters:
  ///   - idleConnectionsMax: Connections that are kept open for the next transfer.
  ///   - ended: Told of each transfer that has ended, which it must ``remove(_:)``.
  public init(
    idleConnectionsMax: Int,
    ended: @escaping @EventLoop (UnsafeMutableRawPointer, CURLcode) -> Void
  ) {
    CurlMulti.library
    guard let multi = curl_multi_init() else { preconditionFailure("out of memory") }
    self.multi = multi
    self.ended = ended
    ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, idleConnectionsMax)
    events.attach(to: multi)
  }

  /// Starts a transfer at the end of this tick, together with the others that are added in it.
  public func add(_ handle: UnsafeMutableRawPointer) {
    // Fails for a handle that is added already, or when memory runs out.
    let code = curl_multi_add_handle(multi, handle)
    precondition(code == CURLM_OK, "libcurl took no transfer")
    serveEvents()
  }

  /// Takes a transfer out, ended or not.
  public func remove(_ handle: UnsafeMutableRawPointer) {
    let code = curl_multi_remove_handle(multi, handle)
    precondition(code == CURLM_OK, "libcurl gave no transfer back")
    serveEvents()
  }

  /// Closes all connections; transfers must have been removed.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    curl_multi_cleanup(multi)
    timer?.cancel()
    timer = nil
    closeSockets()
    for (socket, watcher) in sockets {
      watcher.stop()
      Glibc.close(socket)
    }
    sockets = [:]
  }

  /// Starts what was added in this tick, and does what libcurl's timer was due for.
  public func flush() {
    isMarked = false
    act(on: -1, 0)
  }

  private func act(on socket: Int32, _ what: Int32) {
    guard !isClosed else { return }
    var running: Int32 = 0
    curl_multi_socket_action(multi, socket, what, &running)
    serveEvents()
    takeEnded()
  }

  private func takeEnded() {
    var left: Int32 = 0
    while !isClosed, let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else {
        continue
      }
      ended(handle, ccurl_message_result(message))
    }
  }

  // MARK: What libcurl wants

  private func serveEvents() {
    for (socket, what) in events.interests { watch(socket, what) }
    events.interests.removeAll(keepingCapacity: true)
    closeSockets()
    if let milliseconds = events.timeoutMilliseconds {
      events.timeoutMilliseconds = nil
      setTimer(milliseconds)
    }
  }

  private func closeSockets() {
    for socket in events.closed {
      interests[socket] = nil
      sockets.removeValue(forKey: socket)?.stop()
      Glibc.close(socket)
    }
    events.closed.removeAll(keepingCapacity: true)
  }

  private func watch(_ socket: Int32, _ what: Int32) {
    var wanted: SocketWatcher.Events = []
    if what == CURL_POLL_IN || what == CURL_POLL_INOUT { wanted.insert(.readable) }
    if what == CURL_POLL_OUT || what == CURL_POLL_INOUT { wanted.insert(.writable) }
    interests[socket] = wanted.isEmpty ? nil : wanted
    if wanted.isEmpty {
      // A connection that is kept for the next delivery. To leave its watcher alone spares two system calls a delivery;
      // should it become readable, because its peer has gone, `arrived` ends the watching.
      if let watcher = sockets[socket], watcher.events.contains(.writable) { watcher.watch([]) }
      return
    }
    watcher(of: socket).watch(wanted)
  }

  private func watcher(of socket: Int32) -> SocketWatcher {
    if let watcher = sockets[socket] { return watcher }
    let watcher = SocketWatcher(descriptor: socket) { [unowned self] arrived in
      self.arrived(arrived, on: socket)
    }
    sockets[socket] = watcher
    return watcher
  }

  private func arrived(_ arrived: SocketWatcher.Events, on socket: Int32) {
    guard interests[socket] != nil else {
      sockets[socket]?.watch([])
      return
    }
    var what: Int32 = 0
    if arrived.contains(.readable) { what |= CURL_CSELECT_IN }
    if arrived.contains(.writable) { what |= CURL_CSELECT_OUT }
    act(on: socket, what)
  }

  private func setTimer(_ milliseconds: Int) {
    if milliseconds < 0 {
      timer?.cancel()
    } else if milliseconds == 0 {
      guard !isMarked else { return }
      isMarked = true
      EventLoop.atEndOfTick(self)
    } else {
      let timer =
        timer ?? LoopTimer { [unowned self] in act(on: -1, 0) }
      self.timer = timer
      timer.start(after: .milliseconds(milliseconds))
    }
  }
}
