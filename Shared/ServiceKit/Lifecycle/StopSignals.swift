public import EventLoop
internal import Glibc

/// What asks a process to stop: SIGTERM, SIGINT, the end of its lifeline, and SIGHUP where it has no other meaning.
///
/// A second SIGINT, from somebody who does not want to wait, ends the process at once.
@EventLoop
public final class StopSignals {
  private var handlers: [SignalHandler] = []
  private var lifeline: SocketWatcher?
  private var interrupts = 0

  /// Starts to listen for signals.
  ///
  /// - Parameters:
  ///   - hangUp: What SIGHUP does; nil for a program of a terminal, which stops with it.
  ///   - stop: Called with the reason, perhaps several times.
  public init(
    hangUp: (@EventLoop () -> Void)? = nil,
    _ stop: @escaping @EventLoop (String) -> Void
  ) {
    // A peer that hangs up is an error of one connection, never the end of the process.
    signal(SIGPIPE, SIG_IGN)
    handlers = [
      SignalHandler(.terminate) { stop("SIGTERM") },
      SignalHandler(.hangUp, hangUp ?? { stop("SIGHUP") }),
      SignalHandler(.interrupt) { [unowned self] in
        interrupts += 1
        if interrupts > 1 { endProcess(status: 128 + SIGINT) }
        stop("SIGINT")
      },
    ]
  }

  /// Watches the pipe whose other end only the supervisor holds.
  ///
  /// It never carries a byte: that it can be read means that it has ended, and so that the
  /// supervisor is gone, however it went.
  public func watchLifeline(descriptor: Int32, _ stop: @escaping @EventLoop (String) -> Void) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    let flags = fcntl(descriptor, F_GETFL)
    _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
    let watcher = SocketWatcher(descriptor: descriptor) { [unowned self] _ in
      lifeline?.watch([])
      stop("the supervisor is gone")
    }
    watcher.watch(.readable)
    lifeline = watcher
  }
}
