internal import EventLoop
internal import Faults

/// Finds ports on the loopback address that nothing listens on.
@EventLoop
enum FreePorts {
  /// The port users call, which must be the one they asked for.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when it is taken, or not for us to use.
  static func https(_ wanted: UInt16) throws(Fault) -> UInt16 {
    do throws(Fault) {
      return try probe(wanted)
    } catch {
      throw Fault(
        .failedPrecondition,
        "Port \(wanted) cannot be used (\(error.message.split(separator: ": ").last ?? "taken"));"
          + " stop what uses it, or choose another one with --port"
      )
    }
  }

  /// Ports for the services: the first free ones above another port, so that they stay the same from start to start as
  /// long as they can.
  ///
  /// - Parameters:
  ///   - other: The port that they lie above.
  ///   - taken: Ports that are promised already.
  /// - Returns: A port each.
  /// - Throws: ``Fault`` `resourceExhausted` when there are not enough.
  static func services(
    above other: UInt16,
    besides taken: Set<UInt16> = []
  ) throws(Fault) -> [ServiceName: UInt16] {
    var ports: [ServiceName: UInt16] = [:]
    var candidate = other
    for service in ServiceName.allCases {
      var port: UInt16?
      for _ in 0..<100 where port == nil || taken.contains(port ?? 0) {
        // Past the end, the system chooses.
        candidate = candidate == 0 || candidate == .max ? 0 : candidate + 1
        port = try? probe(candidate)
      }
      guard let port, !ports.values.contains(port), port != other, !taken.contains(port) else {
        throw Fault(.resourceExhausted, "No free port was found above \(other)")
      }
      ports[service] = port
    }
    return ports
  }

  private static func probe(_ port: UInt16) throws(Fault) -> UInt16 {
    guard let address = SocketAddress(ip: "127.0.0.1", port: port) else {
      throw .internalError("127.0.0.1 is an address")
    }
    let listener = try Listener(address)
    listener.start { $0.close() }
    defer { listener.stop() }
    return listener.address.port
  }
}
