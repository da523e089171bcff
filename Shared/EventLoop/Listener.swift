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
  private let descriptor: Int32
  private var watcher: SocketWatcher?
  private var pause: LoopTimer?
  private var isStopped = false

  /// Binds and listens.
  ///
  /// Connections come once ``start(_:)`` is called.
  ///
  /// A Unix socket's file left behind by a process that is gone is replaced.
  /// - Throws: ``Fault`` `unavailable` with one sentence that names the address and the cause.
  public init(_ address: SocketAddress, connectionsMax: Int = 10_000) throws(Fault) {
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
