import EventLoop
import Faults
import Postgres
import TestKit
import Testing

/// Many statements in flight on one connection.
@Suite struct PipelineTests {
  @Test @EventLoop func `a failing statement does not fail its neighbours`() async throws {
    let database = open(connections: 1)
    let outcomes = await withTaskGroup(of: (Int, Result<Int, Fault>).self) { group in
      for index in 0..<300 {
        group.addTask { @EventLoop @Sendable in
          do throws(Fault) {
            // Every third divides by zero; every fifth is not even SQL.
            if index % 5 == 0 {
              _ = try await database.query(Query(sql: "selekt \(index)"))
            }
            let row = try await database.query(
              "select \(index) / \(index % 3 == 0 ? 0 : 1)"
            ).single()
            return (index, .success(try row.value(0)))
          } catch {
            return (index, .failure(error))
          }
        }
      }
      var outcomes: [Int: Result<Int, Fault>] = [:]
      for await (index, outcome) in group { outcomes[index] = outcome }
      return outcomes
    }
    #expect(outcomes.count == 300)
    for (index, outcome) in outcomes {
      switch outcome {
      case .success(let value):
        #expect(value == index && index % 3 != 0 && index % 5 != 0)
      case .failure(let fault):
        let expected = index % 5 == 0 ? "42601" : "22012"
        #expect(fault.serverError?.state.code == expected, "\(index)")
      }
    }
    await database.close()
  }

  @Test @EventLoop func `a failing constraint at the commit of a lone statement is reported`()
    async throws
  {
    try await TestDatabase.with { test in
      let database = test.open()
      try await database.query(
        "create table t (id int8 primary key, parent int8 references t deferrable initially deferred)"
      )
      let fault = await #expect(throws: Fault.self) {
        try await database.query("insert into t values (1, 2)")
      }
      #expect(fault?.code == .failedPrecondition)
      #expect(fault?.reason == .referenceNotFound)
      #expect(fault?.serverError?.constraint == "t_parent_fkey")
      #expect(try await database.read("select from t").isEmpty)
    }
  }

  @Test @EventLoop func `large answers and large parameters pass`() async throws {
    let database = open(connections: 1)
    let text = String(repeating: "x", count: 3_000_000)
    async let first = database.query("select \(text)::text")
    async let second = database.query("select repeat('y', 20000000)")
    async let third = database.query("select \(text)::text || 'z'")
    #expect(try await first.single().value(0) == text)
    let repeated: String = try await second.single().value(0)
    #expect(repeated.utf8.count == 20_000_000)
    #expect(try await third.single().value(0) == text + "z")
    await database.close()
  }

  @Test @EventLoop func `a plan that a migration made stale is prepared again`() async throws {
    try await TestDatabase.with { test in
      let database = test.open { $0.sharedConnections = 1 }
      try await database.query("create table t (a int4)")
      try await database.query("insert into t values (1)")
      #expect(try await database.read("select * from t").single().value(0) == 1)
      try await database.query("alter table t alter column a type text using a::text")
      #expect(try await database.read("select * from t").single().value(0) == "1")
      try await database.query("deallocate all")
      #expect(try await database.read("select * from t").single().value(0) == "1")
    }
  }

  @Test @EventLoop func `text that is made anew for each call does not fill the server`()
    async throws
  {
    let database = open(connections: 1)
    for index in 0..<1_200 {
      let value: Int = try await database.query(Query(sql: "select \(index)::int8")).single().value(
        0
      )
      #expect(value == index)
    }
    let count: Int = try await database.query("select count(*) from pg_prepared_statements")
      .single()
      .value(0)
    #expect(count < 600)
    await database.close()
  }

  @Test @EventLoop func `a slow statement is ended at its limit, and its connection goes on`()
    async throws
  {
    let database = open(connections: 1) { $0.statementLimit = .milliseconds(100) }
    let fault = await #expect(throws: Fault.self) {
      try await database.query("select pg_sleep(30)")
    }
    #expect(fault?.code == .deadlineExceeded)
    #expect(try await database.query("select 1::int8").single().value(0) == 1)
    await database.close()
  }

  @Test @EventLoop func `more in flight than the limit is refused as too busy`() async throws {
    let database = open(connections: 1) { $0.inFlightMax = 2 }
    try await database.check()
    async let first = database.query("select pg_sleep(1)")
    async let second = database.query("select pg_sleep(1)")
    await EventLoop.sleep(for: .milliseconds(50))
    let fault = await #expect(throws: Fault.self) { try await database.query("select 1") }
    #expect(fault?.code == .unavailable)
    _ = try await (first, second)
    _ = try await database.query("select 1")
    await database.close()
  }

  /// A call with one read stays on the loop.
  ///
  /// Other tests run beside this one and add jobs of their own, so many short windows are looked
  /// at: a read that hopped would leave no window without a job.
  @Test func `a statement costs no job from a foreign thread`() async throws {
    let configuration = try TestServer.configuration()
    let fewest = await EventLoop.spawn {
      let database = Database(configuration)
      database.start()
      try? await database.check()
      var fewest = Int.max
      for _ in 0..<500 {
        let before = EventLoop.foreignEnqueueCount
        _ = try? await database.read("select 1::int8")
        fewest = min(fewest, EventLoop.foreignEnqueueCount - before)
      }
      await database.close()
      return fewest
    }.value
    #expect(fewest == 0)
  }

  @EventLoop private func open(
    connections: Int,
    _ adjust: (inout Database.Configuration) -> Void = { _ in }
  ) -> Database {
    guard var configuration = try? TestServer.configuration() else {
      preconditionFailure(
        "LATCHKEY_TEST_POSTGRES is not set: run the tests through Tests/with-postgres"
      )
    }
    configuration.sharedConnections = connections
    adjust(&configuration)
    let database = Database(configuration)
    database.start()
    return database
  }
}
