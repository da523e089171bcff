internal import CUV
internal import Glibc

/// A handler for one of the process's signals, active until it is cancelled.
@EventLoop
public final class SignalHandler {
  /// The signals that a server reacts to.
  public enum Signal: Sendable {
    case terminate, interrupt, hangUp

    var number: Int32 {
      switch self {
      case .terminate: SIGTERM
      case .interrupt: SIGINT
      case .hangUp: SIGHUP
      }
    }
  }

  private var handle: UnsafeMutablePointer<uv_signal_t>?
  private let body: @EventLoop () -> Void

  /// Has `body` called on the loop whenever the signal comes, in place of the signal's default effect.
  public init(_ signal: Signal, _ body: @escaping @EventLoop () -> Void) {
    self.body = body
    let handle = UnsafeMutablePointer<uv_signal_t>.allocate(capacity: 1)
    self.handle = handle
    uv_signal_init(EventLoop.reactor.loop, handle)
    handle.pointee.data = Unmanaged.passRetained(self).toOpaque()
    uv_signal_start(
      handle,
      { handle, _ in
        guard let context = handle?.pointee.data else { return }
        let handler = Unmanaged<SignalHandler>.fromOpaque(context).takeUnretainedValue()
        EventLoop.assumeIsolated { handler.body() }
      },
      signal.number
    )
  }

  /// Gives the signal its default effect again, unless another handler is active.
  public func cancel() {
    guard let handle else { return }
    self.handle = nil
    uv_close(UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) { handle in
      guard let handle, let context = handle.pointee.data else { return }
      Unmanaged<SignalHandler>.fromOpaque(context).release()
      UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_signal_t.self).deallocate()
    }
  }
}
