import EventLoop
import Faults
import Testing

@testable import Postgres

@Suite struct ConnectionTargetTests {
  typealias Host = ConnectionTarget.Host

  @Test(arguments: [
    ("host=/run/pg port=5433", [Host(name: "/run/pg", address: "", port: "5433")]),
    ("", [Host(name: "", address: "", port: "")]),
    ("postgresql://u@db.example:6432/x", [Host(name: "db.example", address: "", port: "6432")]),
    (
      "host=a,b port=1,2",
      [Host(name: "a", address: "", port: "1"), Host(name: "b", address: "", port: "2")]
    ),
    (
      "host=a,b port=7",
      [Host(name: "a", address: "", port: "7"), Host(name: "b", address: "", port: "7")]
    ),
    ("hostaddr=127.0.0.1", [Host(name: "", address: "127.0.0.1", port: "")]),
  ])
  func `hosts are read as libpq reads them`(conninfo: String, hosts: [Host]) throws {
    #expect(try ConnectionTarget(conninfo, password: nil).hosts == hosts)
  }

  @Test(arguments: [
    "nonsense", "host=a nokeyword=1", "postgresql://[::1", "host=a,b,c port=1,2", "host=a\0b",
    "host=a,b hostaddr=127.0.0.1",
  ])
  func `what cannot be parsed is refused without being quoted`(conninfo: String) {
    let text = conninfo + " password=hunter2"
    let fault = #expect(throws: Fault.self) { try ConnectionTarget(text, password: nil) }
    #expect(fault?.code == .invalidArgument)
    #expect(!String(reflecting: fault).contains("hunter2"))
  }

  @Test func `the description of a configuration has no password`() throws {
    let configuration = try Database.Configuration(
      conninfo: "host=a,b port=1 dbname=d user=u password=hunter2",
      password: "hunter3"
    )
    #expect("\(configuration)" == "u@a:1,b:1/d")
  }

  @Test func `settings are added to the options that were given`() throws {
    let target = try ConnectionTarget("options='-c search_path=x'", password: nil)
      .setting("statement_timeout", "5").setting("timezone", "UTC")
    #expect(
      target.parameters["options"] == "-c search_path=x -c statement_timeout=5 -c timezone=UTC"
    )
  }

  @Test @EventLoop func `names become addresses, sockets stay, and attempts rotate`() async throws {
    let target = try ConnectionTarget("host=/run/pg,localhost,127.0.0.2 port=1,2,3", password: nil)
    let hosts = try await target.resolved(rotation: 0)
    #expect(hosts.first == Host(name: "/run/pg", address: "", port: "1"))
    #expect(hosts.contains(Host(name: "localhost", address: "127.0.0.1", port: "2")))
    #expect(hosts.last == Host(name: "127.0.0.2", address: "127.0.0.2", port: "3"))
    let rotated = try await target.resolved(rotation: 1)
    #expect(rotated.first == hosts[1] && rotated.last == hosts[0])
  }
}
