internal import EventLoop
internal import RPC
internal import TestServing
internal import TestStubs

/// `rpc-interop-client --server_port N --test_case NAME` runs one of gRPC's published
/// interoperability cases with our client, in plaintext on loopback.
///
/// The exit status is 0 when the server kept to the case, 1 when not, 2 when there is no such case.
@main
enum InteropClient {
  static func main() {
    EventLoop.runMain { await run() }
  }

  @EventLoop
  private static func run() async -> Int32 {
    let options = CommandLineOptions.given
    guard let port = options?.port("server_port"), let name = options?["test_case"],
      let test = InteropCase(rawValue: name)
    else {
      let names = InteropCase.allCases.map(\.rawValue).joined(separator: " ")
      complain("usage: rpc-interop-client --server_port N --test_case NAME, one of \(names)")
      return 2
    }
    let host = options?["server_host"] ?? "127.0.0.1"
    let channel = Channel(host: host, port: port, tls: nil, serverName: host)
    defer { channel.close() }
    do throws(Mismatch) {
      try await test.run(InteropCalls(channel))
      return 0
    } catch {
      complain("\(name): \(error.description)")
      return 1
    }
  }
}
