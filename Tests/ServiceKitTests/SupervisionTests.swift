import EventLoop
import Glibc
import ServiceKit
import Testing

@Suite struct SupervisionTests {
  @Test func `restarts begin at once, slow down, and forget after a good run`() {
    var policy = RestartPolicy()
    let delays = (0..<8).map { _ in policy.delay(afterUptime: .milliseconds(50)) }
    #expect(delays.first == .milliseconds(100))
    #expect(delays[1] == .milliseconds(200))
    #expect(delays.last == RestartPolicy.longest)
    #expect(policy.failures == 8)
    #expect(policy.delay(afterUptime: .seconds(11)) == .milliseconds(100))
    #expect(policy.failures == 1)
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

  @Test @EventLoop func `a signal is passed on to the process that there is now`() async throws {
    let process = SupervisedProcess(
      SupervisedProcess.Plan(
        name: "listener",
        configuration: ChildProcess.Configuration(program: "/bin/sleep", arguments: ["60"])
      )
    ) { _ in }
    try process.start()
    process.send(signal: SIGUSR1)
    while process.exitCount == 0 { await EventLoop.sleep(for: .milliseconds(5)) }
    #expect(process.lastExit?.signal == SIGUSR1)
    await process.stop()
    // There is none any more.
    process.send(signal: SIGUSR1)
  }
}
