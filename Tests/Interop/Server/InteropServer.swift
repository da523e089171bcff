internal import EventLoop
internal import TestServing
internal import TestStubs

/// `rpc-interop-server --port N` serves gRPC's published interoperability service, so that any
/// official interoperability client can be pointed at our server.
@main
enum InteropServer {
  static func main() {
    EventLoop.runMain {
      await PlaintextServer.run { server in TestService().register(on: server) }
    }
  }
}
