public import EventLoop
internal import Faults
public import RPC

/// An RPC server in plaintext on loopback, for tests and benchmarks alone.
@EventLoop
public enum PlaintextServer {
  /// How long open calls may go on after SIGTERM.
  private static let drainTimeout = Duration.seconds(5)

  /// Serves on the port of `--port N` until SIGTERM or SIGINT; the end of a `main`.
  ///
  /// - Parameter register: Adds the services.
  /// - Returns: The status to exit with.
  public static func run(_ register: (RPCServer) -> Void) async -> Int32 {
    guard let port = CommandLineOptions.given?.port("port"),
      let address = SocketAddress(ip: "127.0.0.1", port: port)
    else { return refuse("usage: \(CommandLine.arguments.first ?? "server") --port N") }
    let server = RPCServer(access: .open)
    register(server)
    do throws(Fault) {
      server.serve(try Listener(address), tls: nil)
    } catch {
      return refuse(error.message)
    }
    server.health.setServing(true)
    await stopSignal()
    await server.drain(timeout: drainTimeout)
    return 0
  }

  private static func refuse(_ sentence: String) -> Int32 {
    complain(sentence)
    return 2
  }

  private static func stopSignal() async {
    var handlers: [SignalHandler] = []
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      var waiting: CheckedContinuation<Void, Never>? = continuation
      let stop: @EventLoop () -> Void = {
        waiting?.resume()
        waiting = nil
      }
      handlers = [SignalHandler(.terminate, stop), SignalHandler(.interrupt, stop)]
    }
    for handler in handlers { handler.cancel() }
  }
}
