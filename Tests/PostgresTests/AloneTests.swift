import EventLoop
import Faults
import Postgres
import TestKit
import Testing

@Suite struct AloneTests {
  @EventLoop private func expectFree(_ name: String, _ database: Database) async throws(Fault) {
    let isLetIn: Bool? = try await database.alone(name) { () async throws(Fault) in true }
    #expect(isLetIn == true)
  }

  /// Each database here is as one of another process.
  @Test @EventLoop func `of two who are at the same work one is let in`() async throws {
    try await TestDatabase.with { test in
      let (one, other) = (test.open(), test.open())
      let outcome = try await one.alone("tests.work") { () async throws(Fault) in
        [
          try await other.alone("tests.work") { () async throws(Fault) in "the same" },
          try await one.alone("tests.work") { () async throws(Fault) in "the same, beside itself" },
          try await other.alone("tests.other") { () async throws(Fault) in "another" },
        ]
      }
      #expect(outcome == [nil, nil, "another"])
      try await expectFree("tests.work", other)
    }
  }

  @Test @EventLoop func `work that fails lets the next one in`() async throws {
    try await TestDatabase.with { test in
      let (one, other) = (test.open(), test.open())
      let fault = await #expect(throws: Fault.self) {
        _ = try await one.alone("tests.work") { () async throws(Fault) -> Int in
          throw .notFound("No such thing")
        }
      }
      #expect(fault?.code == .notFound)
      try await expectFree("tests.work", other)
    }
  }

  @Test @EventLoop func `a session that is lost lets the next one in`() async throws {
    try await TestDatabase.with { test in
      let (one, other) = (test.open(), test.open())
      let fault = await #expect(throws: Fault.self) {
        _ = try await one.alone("tests.work") { () async throws(Fault) in
          // Whoever holds an advisory lock here does so for this work.
          try await other.query(
            """
            select pg_terminate_backend(pid, 5000) from pg_locks
            where locktype = 'advisory'
              and database = (select oid from pg_database where datname = current_database())
            """
          )
          try await expectFree("tests.work", other)
        }
      }
      #expect(fault?.code == .unavailable)
    }
  }
}
