internal import CUV

/// Watches a socket that somebody else owns, and says when it can be read or written.
///
/// Source: libuv, "uv_poll_t". Level-triggered: an event comes again until it is dealt with.
@EventLoop
public final class SocketWatcher {
  /// What is watched for.
  public struct Events: OptionSet, Sendable {
    /// The bits, as libuv numbers them.
    public let rawValue: Int32
    /// Makes a set.
    public init(rawValue: Int32) { self.rawValue = rawValue }
    /// Bytes, the end of the stream, or an error can be read.
    public static let readable = Events(rawValue: 1)
    /// Bytes can be written, or a connection attempt has ended.
    public static let writable = Events(rawValue: 2)
  }

  private var handle: UnsafeMutablePointer<uv_poll_t>?
  private var callback: (@EventLoop (Events) -> Void)?
  /// What is being watched for now.
  public private(set) var events: Events = []

  /// Watches the socket `descriptor`, which must be non-blocking and stay open until ``stop()``.
  public init(descriptor: Int32, _ callback: @escaping @EventLoop (Events) -> Void) {
    self.callback = callback
    let handle = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
    let status = uv_poll_init_socket(EventLoop.reactor.loop, handle, descriptor)
    precondition(status == 0, "uv_poll_init_socket: \(uvMessage(status))")
    self.handle = handle
    handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
  }

  /// Sets what is watched for; nothing at first.
  public func watch(_ events: Events) {
    guard let handle, events != self.events else { return }
    self.events = events
    if events.isEmpty {
      uv_poll_stop(handle)
      return
    }
    uv_poll_start(handle, events.rawValue) { handle, status, events in
      guard let context = handle?.pointee.data else { return }
      let watcher = Unmanaged<SocketWatcher>.fromOpaque(context).takeUnretainedValue()
      EventLoop.assumeIsolated { watcher.received(status: status, events: events) }
    }
  }

  /// Ends the watching; the socket may be closed as soon as this returns.
  ///
  /// Without effect a second time.
  public func stop() {
    guard let handle else { return }
    self.handle = nil
    callback = nil
    events = []
    uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) { handle in
      guard let handle, let context = handle.pointee.data else { return }
      Unmanaged<SocketWatcher>.fromOpaque(context).release()
      UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_poll_t.self).deallocate()
    }
  }

  private func received(status: Int32, events: Int32) {
    if status < 0 {
      // libuv ends the watching when a socket has an error. Bytes that came before it are read first, and a reader
      // that stops there must be called again, or it never learns of the error.
      let wanted = self.events
      self.events = []
      watch(wanted)
    }
    // An error is reported as both, so that whoever reads or writes next meets it.
    callback?(status < 0 ? [.readable, .writable] : Events(rawValue: events & 3))
    EventLoop.reactor.drainIfFull()
  }
}

/// libuv's text for one of its error numbers.
func uvMessage(_ status: Int32) -> String {
  guard let text = uv_strerror(status) else { return "error \(status)" }
  return String(cString: text)
}
