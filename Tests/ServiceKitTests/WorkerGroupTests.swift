import EventLoop
import Faults
import Logging
import Testing

@testable import ServiceKit

@Suite struct WorkerGroupTests {
  /// Workers that run a script.
  @EventLoop
  private func group(_ script: String, on endpoint: Endpoint) throws(Fault) -> WorkerGroup {
    try WorkerGroup(
      WorkerGroup.Plan(
        count: 2,
        endpoints: [endpoint],
        metrics: nil,
        program: "/bin/sh",
        name: "worker",
        arguments: ["-c", script, "worker"],
        environment: []
      ),
      log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    )
  }

  @Test @EventLoop func `settings that are refused from the start end all workers`() async throws {
    let group = try group("exit 78", on: Endpoint(host: "127.0.0.1", port: 0))
    var statuses: [Int32] = []
    group.onRefusal = { statuses.append($0) }
    try await group.start()
    for _ in 0..<1_000 where statuses.isEmpty { await EventLoop.sleep(for: .milliseconds(5)) }
    await group.stop()
    #expect(statuses.first == 78)
  }

  @Test @EventLoop func `connections are refused while all workers fail, and do not wait in vain`()
    async throws
  {
    let probe = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    let address = probe.address
    probe.stop()
    let group = try group("exit 1", on: Endpoint(host: "127.0.0.1", port: address.port))
    group.onRefusal = { _ in Issue.record("status 1 is no refusal") }
    try await group.start()
    var isRefused = false
    for _ in 0..<1_000 where !isRefused {
      do throws(Fault) {
        try await Connection.connect(to: address, timeout: .seconds(1)).close()
        await EventLoop.sleep(for: .milliseconds(5))
      } catch {
        isRefused = true
      }
    }
    await group.stop()
    #expect(isRefused)
  }
}
