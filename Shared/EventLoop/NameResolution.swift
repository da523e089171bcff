internal import CUV
public import Faults
internal import Glibc

extension EventLoop {
  /// Finds the addresses of a name without blocking the loop; an address in text form needs no look-up.
  ///
  /// - Throws: ``Fault`` `unavailable` when the name has no address or no answer comes.
  @EventLoop
  public static func resolve(host: String, port: UInt16) async throws(Fault) -> [SocketAddress] {
    if let address = SocketAddress(ip: host, port: port) { return [address] }
    guard !host.isEmpty, host.utf8.count <= 253, !host.utf8.contains(0) else {
      throw .unavailable("The host name is not valid")
    }
    let outcome = await withCheckedContinuation { continuation in
      Resolution(port: port, continuation).start(host: host)
    }
    return try outcome.get()
  }
}

/// One look-up under way.
@EventLoop
private final class Resolution {
  private let port: UInt16
  private let continuation: CheckedContinuation<Result<[SocketAddress], Fault>, Never>
  private let request: UnsafeMutablePointer<uv_getaddrinfo_t>

  init(port: UInt16, _ continuation: CheckedContinuation<Result<[SocketAddress], Fault>, Never>) {
    self.port = port
    self.continuation = continuation
    request = .allocate(capacity: 1)
  }

  func start(host: String) {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    request.pointee.data = Unmanaged.passRetained(self).toOpaque()
    let status = uv_getaddrinfo(
      EventLoop.reactor.loop,
      request,
      { request, status, _ in
        guard let context = request?.pointee.data else { return }
        let resolution = Unmanaged<Resolution>.fromOpaque(context).takeRetainedValue()
        EventLoop.assumeIsolated { resolution.end(status: status) }
      },
      host,
      String(port),
      &hints
    )
    if status != 0 {
      Unmanaged<Resolution>.fromOpaque(request.pointee.data).release()
      end(status: status)
    }
  }

  private func end(status: Int32) {
    defer { request.deallocate() }
    guard status == 0 else {
      continuation.resume(
        returning: .failure(.unavailable("The host name has no address", detail: uvMessage(status)))
      )
      return
    }
    var addresses: [SocketAddress] = []
    var entry = request.pointee.addrinfo
    while let current = entry {
      if let raw = current.pointee.ai_addr, let address = SocketAddress(raw),
        !addresses.contains(address)
      {
        addresses.append(address)
      }
      entry = current.pointee.ai_next
    }
    uv_freeaddrinfo(request.pointee.addrinfo)
    continuation.resume(
      returning: addresses.isEmpty
        ? .failure(.unavailable("The host name has no address")) : .success(addresses)
    )
  }
}
