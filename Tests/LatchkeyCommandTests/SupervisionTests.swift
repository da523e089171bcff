import EventLoop
import Faults
import Glibc
import Testing

@testable import LatchkeyCommand

@Suite struct SupervisionTests {
  @Test func `restarts begin at once, slow down, and forget after a good run`() {
    var policy = RestartPolicy()
    let delays = (0..<8).map { _ in policy.delay(afterUptime: .milliseconds(50)) }
    #expect(delays.first == .milliseconds(100))
    #expect(delays[1] == .milliseconds(200))
    #expect(delays.last == RestartPolicy.longest)
    #expect(policy.delay(afterUptime: .seconds(11)) == .milliseconds(100))
  }

  @Test @EventLoop func `a process that is killed is started again, and stop keeps it stopped`()
    async throws
  {
    var reports: [String] = []
    let process = SupervisedProcess(
      SupervisedProcess.Plan(
        name: "sleeper",
        configuration: ChildProcess.Configuration(program: "/bin/sleep", arguments: ["60"])
      )
    ) { reports.append($0) }
    try process.start()
    let first = try #require(process.id)
    kill(first, SIGKILL)
    while process.id == nil || process.id == first {
      await EventLoop.sleep(for: .milliseconds(5))
    }
    #expect(process.exitCount == 1)
    #expect(reports == ["sleeper has ended (ended by signal 9); it is started again"])
    let second = try #require(process.id)
    await process.stop()
    #expect(kill(second, 0) != 0)
    #expect(process.exitCount == 1)
  }

  @Test @EventLoop func `a process that ignores the request to stop is killed`() async throws {
    let process = SupervisedProcess(
      SupervisedProcess.Plan(
        name: "stubborn",
        configuration: ChildProcess.Configuration(
          program: "/bin/sh",
          arguments: ["-c", "trap '' TERM; while :; do sleep 0.05; done"]
        ),
        stopLimit: .milliseconds(200)
      )
    ) { _ in }
    try process.start()
    await EventLoop.sleep(for: .milliseconds(100))
    await process.stop()
    #expect(process.id == nil)
  }

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
