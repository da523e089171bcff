internal import CUV
public import Faults
internal import Glibc

/// A listening socket that hands out connections.
@EventLoop
public final class Listener {
  /// Connections that the kernel keeps waiting for us.
  private static let backlog: Int32 = 1024
  /// Connections taken in a row before others get their turn.
  private static let acceptsMax = 64
  /// The pause after the process has run out of descriptors; a busy loop would only make it worse.
  private static let exhaustionPause = Duration.milliseconds(100)

  /// Where it listens; with the port that the system chose where zero was asked for.
  public let address: SocketAddress
  /// Connections that may be open at a time; further ones are closed at once.
  public let connectionsMax: Int
  /// The socket, for whoever hands it to another process.
  public let descriptor: Int32
  private var watcher: SocketWatcher?
  private var pause: LoopTimer?
  private var isStopped = false

  /// Binds and listens.
  ///
  /// Connections come once ``start(_:)`` is called.
  ///
  /// A Unix socket's file left behind by a process that is gone is replaced.
  ///
  /// - Parameters:
  ///   - address: Where.
  ///   - connectionsMax: Connections that may be open at a time.
  ///   - sharesPort: Whether other sockets of this user that are made with it may listen there too; the kernel then gives
  ///     each connection to one of them (`SO_REUSEPORT`, see `socket(7)`).
  /// - Throws: ``Fault`` `unavailable` with one sentence that names the address and the cause.
  public init(
    _ address: SocketAddress,
    connectionsMax: Int = 10_000,
    sharesPort: Bool = false
  ) throws(Fault) {
    let descriptor = socket(
      address.family,
      Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        | Int32(SOCK_CLOEXEC.rawValue),
      0
    )
    guard descriptor >= 0 else {
      throw .unavailable("No socket could be opened: \(errorText(errno))")
    }
    var one: Int32 = 1
    let size = socklen_t(MemoryLayout<Int32>.size)
    switch address.kind {
    case .ip(_, let isIPv6):
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, size)
      if sharesPort { setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &one, size) }
      if isIPv6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, size) }
    case .unix(let path):
      Listener.removeStale(path, address)
    }
    guard address.withSockaddr({ bind(descriptor, $0, $1) }) == 0,
      listen(descriptor, Listener.backlog) == 0
    else {
      let code = errno
      close(descriptor)
      throw .unavailable("Cannot listen on \(address): \(errorText(code).lowercased())")
    }
    self.descriptor = descriptor
    self.connectionsMax = connectionsMax
    if case .ip = address.kind, let bound = SocketAddress.local(of: descriptor) {
      self.address = bound
    } else {
      self.address = address
    }
  }

  /// Takes over a socket that this process was started with, and that listens already.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when the descriptor is none of that kind.
  public init(inherited descriptor: Int32, connectionsMax: Int = 10_000) throws(Fault) {
    var isListening: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0,
      isListening != 0, let address = SocketAddress.local(of: descriptor)
    else {
      throw Fault(
        .failedPrecondition,
        "The descriptor \(descriptor) is not a socket that listens"
      )
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    self.descriptor = descriptor
    self.connectionsMax = connectionsMax
    self.address = address
  }

  /// Hands every new connection to `accepted`.
  public func start(_ accepted: @escaping @EventLoop (Connection) -> Void) {
    let watcher = SocketWatcher(descriptor: descriptor) { [unowned self] _ in accept(accepted) }
    self.watcher = watcher
    watcher.watch(.readable)
  }

  /// Stops listening; open connections stay.
  public func stop() {
    guard !isStopped else { return }
    isStopped = true
    pause?.cancel()
    watcher?.stop()
    watcher = nil
    close(descriptor)
    if case .unix(let path) = address.kind { unlink(path) }
  }

  private func accept(_ accepted: (Connection) -> Void) {
    for _ in 0..<Listener.acceptsMax {
      let socket = cuv_accept(descriptor)
      if socket >= 0 {
        accepted(Connection(owning: socket))
        continue
      }
      switch errno {
      case EINTR, ECONNABORTED: continue
      case EMFILE, ENFILE, ENOBUFS, ENOMEM: rest()
      default: break
      }
      return
    }
  }

  private func rest() {
    watcher?.watch([])
    pause = LoopTimer(after: Listener.exhaustionPause) { [unowned self] in watcher?.watch(.readable)
    }
  }

  /// Removes a socket file that nobody listens on any more.
  private static func removeStale(_ path: String, _ address: SocketAddress) {
    let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard probe >= 0 else { return }
    defer { close(probe) }
    if address.withSockaddr({ connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED { unlink(path) }
  }
}
