import EventLoop
import Faults
import Glibc
import ServiceKit
import Testing

@testable import LatchkeyCommand

@Suite struct SupervisionTests {
  @Test @EventLoop
  func `a process that ends while it is waited for is a failure with its last words`() async throws
  {
    let path = "/tmp/latchkey-test-\(getpid())-words.log"
    defer { unlink(path) }
    let log = try LogFile(path)
    let process = SupervisedProcess(
      SupervisedProcess.Plan(
        name: "keys",
        configuration: ChildProcess.Configuration(
          program: "/bin/sh",
          arguments: ["-c", "echo the cellar is locked >&2; exit 3"],
          descriptors: [nil, log.descriptor, log.descriptor]
        )
      )
    ) { _ in }
    try process.start()
    var failure: Fault?
    do throws(Fault) {
      try await process.waitUntilReady(log: path) { _ in false }
    } catch { failure = error }
    await process.stop()
    #expect(failure?.message.contains("keys does not run (exit status 3)") == true)
    #expect(failure?.message.contains("the cellar is locked") == true)
  }

  @Test @EventLoop func `a port that is taken is refused in one sentence`() throws {
    let address = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
    let listener = try Listener(address)
    listener.start { $0.close() }
    defer { listener.stop() }
    let taken = listener.address.port
    let fault = try #require(throws: Fault.self) { _ = try FreePorts.https(taken) }
    #expect(fault.message.contains("Port \(taken) cannot be used"))
    #expect(fault.message.contains("--port"))
    let ports = try FreePorts.services(above: taken)
    #expect(Set(ports.values).count == ServiceName.allCases.count)
    #expect(!ports.values.contains(taken))
  }

  @Test func `the status file of a server is read`() {
    let text =
      "4711\n/data/postgres\n1795414764\n5432\n/data/run\n\n  9576561        25\nready   \n"
    #expect(Postmaster(text: text)?.id == 4711)
    #expect(Postmaster(text: text)?.isReady == true)
    #expect(Postmaster(text: "4711\n/data\n")?.isReady == false)
    #expect(Postmaster(text: "") == nil)
    #expect(Postmaster(text: "-1\n") == nil)
  }

  @Test func `a missing server names the package to install`() throws {
    let fault = try #require(throws: Fault.self) {
      try PostgresInstallation.find(for: nil, below: "/nonexistent")
    }
    #expect(fault.message.contains("postgresql-15"))
    let other = try #require(throws: Fault.self) {
      try PostgresInstallation.find(for: 9, below: "/nonexistent")
    }
    #expect(other.message.contains("postgresql-9"))
  }

  @Test func `a missing service is named`() throws {
    let fault = try #require(throws: Fault.self) { try Executables.check(in: "/nonexistent") }
    #expect(fault.message.contains("latchkey-keys"))
    #expect(fault.message.contains("make build"))
  }
}
