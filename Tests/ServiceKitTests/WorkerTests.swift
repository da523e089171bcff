import EventLoop
import Faults
import Glibc
import Testing

@testable import ServiceKit

@Suite struct WorkerTests {
  @Test func `what a worker is handed is read as it was written`() throws {
    let text = "0.0.0.0:8443=5,[::1]:8444=4"
    let listeners = try #require(InheritedListeners(text))
    #expect(listeners[Endpoint(host: "::1", port: 8444)] == 4)
    #expect(listeners[Endpoint(host: "0.0.0.0", port: 8443)] == 5)
    #expect(listeners[Endpoint(host: "0.0.0.0", port: 1)] == nil)
    #expect(listeners.description == text)
  }

  @Test(arguments: [
    "", ",", "h:1", "h:1=", "h:1=x", "h:1=2", "h:1=1024", "h=4", "h:1=4,", "h:1=4,h:1=5",
    "h:1=4,h:2=4",
  ])
  func `what no parent writes is refused`(text: String) {
    #expect(InheritedListeners(text) == nil)
  }

  @Test(arguments: [
    (["LATCHKEY_WORKER": "2"], "LATCHKEY_LISTENERS"),
    (["LATCHKEY_LISTENERS": "h:1=4"], "LATCHKEY_WORKER"),
  ])
  func `a worker has a number and sockets, or neither`(given: [String: String], missing: String) {
    let reader = SettingsReader(given)
    #expect(Worker(reader) == nil)
    let fault = #expect(throws: Fault.self) { try reader.finish() }
    #expect(fault?.issues.map { $0.path.joined() } == [missing])
  }

  @Test func `a process is no worker unless it is told so`() throws {
    let reader = SettingsReader([:])
    let settings = try #require(ServiceSettings(reader))
    try reader.finish()
    #expect(settings.worker == nil && settings.workers == 1)
  }

  @Test @EventLoop func `each worker has sockets of its own on the ports that all share`()
    async throws
  {
    let sockets = WorkerListeners(count: 3)
    let any = Endpoint(host: "127.0.0.1", port: 0)
    try await sockets.bind(any)
    let metrics = Endpoint(host: "127.0.0.1", port: 9)
    try sockets.bindMetrics(metrics)
    defer { sockets.close() }
    #expect(Set((0..<3).flatMap { sockets.descriptors(of: $0) }).count == 6)
    for worker in 0..<3 {
      let told = sockets.told(to: worker)
      #expect(told[any] == 4 && told[metrics] == 5)
      let shared = try Listener(inherited: sockets.descriptors(of: worker)[0])
      #expect(
        shared.address.port == (try Listener(inherited: sockets.descriptors(of: 0)[0])).address.port
      )
    }
    // What each tells of itself is for its parent alone.
    #expect(Set(sockets.metricsAddresses.map(\.port)).count == 3)
  }

  @Test @EventLoop func `what a failing worker releases the others get, until it starts again`()
    async throws
  {
    let sockets = WorkerListeners(count: 2)
    let endpoint = Endpoint(host: "127.0.0.1", port: 0)
    try await sockets.bind(endpoint)
    try sockets.bindMetrics(Endpoint(host: "127.0.0.1", port: 9))
    defer { sockets.close() }
    let metrics = sockets.descriptors(of: 0)[1]
    // As the other worker has it: a descriptor of its own.
    let other = try Listener(inherited: dup(sockets.descriptors(of: 1)[0]))
    defer { other.stop() }
    var accepted = 0
    other.start { connection in
      accepted += 1
      connection.close()
    }

    sockets.release(0)
    // Nobody else is given what is asked for its metrics.
    #expect(sockets.descriptors(of: 0) == [metrics])
    for _ in 0..<20 {
      let connection = try await Connection.connect(to: other.address, timeout: .seconds(5))
      connection.close()
    }
    for _ in 0..<1_000 where accepted < 20 { await EventLoop.sleep(for: .milliseconds(5)) }
    #expect(accepted == 20)

    try sockets.restore(0)
    let restored = sockets.descriptors(of: 0)
    #expect(restored.count == 2 && restored[1] == metrics)
    #expect(try Listener(inherited: restored[0]).address == other.address)
    #expect(sockets.told(to: 0)[endpoint] == 4)
  }

  @Test @EventLoop func `a port that somebody else has is not shared with them`() async throws {
    let sockets = WorkerListeners(count: 2)
    try await sockets.bind(Endpoint(host: "127.0.0.1", port: 0))
    defer { sockets.close() }
    let port = try Listener(inherited: sockets.descriptors(of: 0)[0]).address.port
    let others = WorkerListeners(count: 2)
    let fault = await #expect(throws: Fault.self) {
      try await others.bind(Endpoint(host: "127.0.0.1", port: port))
    }
    #expect(fault?.message.hasPrefix("Cannot listen on 127.0.0.1:\(port)") == true)
  }

  @Test @EventLoop func `two things are not served at one place`() async throws {
    let sockets = WorkerListeners(count: 2)
    defer { sockets.close() }
    let endpoint = Endpoint(host: "127.0.0.1", port: 0)
    try await sockets.bind(endpoint)
    await #expect(throws: Fault.self) { try await sockets.bind(endpoint) }
  }

  @Test @EventLoop func `a descriptor that does not listen is no listener`() {
    #expect(throws: Fault.self) { try Listener(inherited: 0) }
    #expect(throws: Fault.self) { try Listener(inherited: 1023) }
    let none = InheritedListeners()
    #expect(throws: Fault.self) { try none.listener(on: Endpoint(host: "h", port: 1)) }
  }
}
