import EventLoop
import Faults
import Postgres
import Primitives
import TestKit
import Testing

@Suite struct TransactionTests {
  @Test @EventLoop func `what a closure returns is committed, what it throws is undone`()
    async throws
  {
    try await TestDatabase.with { test in
      let database = test.open()
      try await database.query("create table t (a int8 primary key)")
      let sum = try await database.transaction(for: nil) { (tx) throws(Fault) in
        tx.send("insert into t values (1)")
        try await tx.query("insert into t values (2)")
        return try await tx.query("select sum(a)::int8 from t").single().value(0) as Int
      }
      #expect(sum == 3)
      let fault = await #expect(throws: Fault.self) {
        try await database.transaction(for: nil) { (tx) throws(Fault) in
          try await tx.query("insert into t values (3)")
          throw Fault.notFound("No such thing")
        }
      }
      #expect(fault?.code == .notFound)
      #expect(try await database.read("select a from t").count == 2)
    }
  }

  @Test(arguments: [false, true])
  @EventLoop func `a statement can ask for the rows of one that travels with it`(
    isFirst: Bool
  ) async throws {
    try await TestDatabase.with { test in
      let texts = try await test.open().transaction(for: nil) { (tx) throws(Fault) in
        if !isFirst { try await tx.query("select 'before'") }
        tx.send("select 'one'")
        let second = tx.send("select 'two'")
        tx.send("select 'three'")
        let (rows, ofSent) = try await tx.query("select 'four'", andRowsOf: second)
        return [try ofSent.single().value(0), try rows.single().value(0)] as [String]
      }
      #expect(texts == ["two", "four"])
    }
  }

  @Test @EventLoop func `an error that the closure hides still undoes everything`() async throws {
    try await TestDatabase.with { test in
      let database = test.open()
      try await database.query("create table t (a int8 primary key)")
      let fault = await #expect(throws: Fault.self) {
        try await database.transaction(for: nil) { (tx) throws(Fault) in
          try await tx.query("insert into t values (1)")
          do throws(Fault) { try await tx.query("insert into t values (1)") } catch {}
        }
      }
      #expect(fault?.code == .alreadyExists)
      #expect(fault?.reason == .conflict)
      #expect(fault?.serverError?.constraint == "t_pkey")
      #expect(try await database.read("select a from t").isEmpty)
    }
  }

  @Test @EventLoop func `an error of a lined-up statement fails the commit`() async throws {
    try await TestDatabase.with { test in
      let database = test.open { $0.leasedConnectionsMax = 1 }
      try await database.query("create table t (a int8 primary key)")
      let fault = await #expect(throws: Fault.self) {
        try await database.transaction(for: nil) { (tx) throws(Fault) in
          try await tx.query("insert into t values (1)")
          tx.send("insert into t values (1)")
        }
      }
      #expect(fault?.code == .alreadyExists)
      #expect(try await database.read("select a from t").isEmpty)
      // The only connection is usable again.
      try await database.transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query("insert into t values (1)")
      }
      #expect(try await database.read("select a from t").count == 1)
    }
  }

  @Test @EventLoop func `a deferred constraint fails the commit`() async throws {
    try await TestDatabase.with { test in
      let database = test.open { $0.leasedConnectionsMax = 1 }
      try await database.query("create table t (a int8 unique deferrable initially deferred)")
      for _ in 0..<2 {
        let fault = await #expect(throws: Fault.self) {
          try await database.transaction(for: nil) { (tx) throws(Fault) in
            try await tx.query("insert into t values (1), (1)")
          }
        }
        #expect(fault?.code == .alreadyExists)
      }
      #expect(try await database.read("select a from t").isEmpty)
    }
  }

  @Test @EventLoop func `two serializable transactions that collide fail as aborted`() async throws
  {
    try await TestDatabase.with { test in
      let database = test.open()
      try await database.query("create table t (a int8)")
      try await database.query("insert into t values (1)")
      let fault = await #expect(throws: Fault.self) {
        try await database.transaction(for: nil, isolation: .serializable) { (tx) throws(Fault) in
          try await tx.query("select sum(a) from t")
          try await database.transaction(for: nil, isolation: .serializable) {
            (other) throws(Fault) in
            try await other.query("select sum(a) from t")
            try await other.query("insert into t values (2)")
          }
          try await tx.query("insert into t values (3)")
        }
      }
      #expect(fault?.code == .aborted)
      #expect(try await database.read("select a from t").count == 2)
    }
  }

  @Test @EventLoop func `a cancelled task stops its statement and undoes its transaction`()
    async throws
  {
    try await TestDatabase.with { test in
      let database = test.open { $0.leasedConnectionsMax = 1 }
      try await database.query("create table t (a int8)")
      let started = Instant.now
      let task = EventLoop.spawn { () async -> Fault? in
        do throws(Fault) {
          try await database.transaction(for: nil) { (tx) throws(Fault) in
            try await tx.query("insert into t values (1)")
            try await tx.query("select pg_sleep(4)")
          }
          return nil
        } catch {
          return error
        }
      }
      await EventLoop.sleep(for: .milliseconds(100))
      task.cancel()
      let fault = await task.value
      #expect(fault?.code == .cancelled)
      #expect(Instant.now - started < .seconds(3))
      // The same connection serves the next transaction, and no late request stops it.
      for _ in 0..<20 {
        try await database.transaction(for: nil) { (tx) throws(Fault) in
          try await tx.query("select pg_sleep(0.005)")
        }
      }
      #expect(try await database.read("select a from t").isEmpty)
    }
  }

  @Test @EventLoop func `whoever waits for a connection leaves when cancelled`() async throws {
    try await TestDatabase.with { test in
      let database = test.open { $0.leasedConnectionsMax = 1 }
      try await database.transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query("select 1")
        let waiting = EventLoop.spawn { () async -> Fault? in
          do throws(Fault) {
            try await database.transaction(for: nil) { (tx) throws(Fault) in
              try await tx.query("select 2")
            }
            return nil
          } catch {
            return error
          }
        }
        await EventLoop.sleep(for: .milliseconds(20))
        waiting.cancel()
        #expect(await waiting.value?.code == .cancelled)
      }
      try await database.transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query("select 3")
      }
    }
  }

  @Test @EventLoop func `whoever waits too long is refused`() async throws {
    try await TestDatabase.with { test in
      let database = test.open {
        $0.leasedConnectionsMax = 1
        $0.waitLimit = .seconds(2)
      }
      try await database.check()
      // The only connection must be there before somebody waits for it.
      try await database.transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query("select 1")
      }
      try await database.transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query("select 1")
        let fault = await #expect(throws: Fault.self) {
          try await database.transaction(for: nil) { (tx) throws(Fault) in
            try await tx.query("select 2")
          }
        }
        #expect(fault?.code == .unavailable)
        #expect(fault?.message == "The database is too busy")
      }
    }
  }

  @Test @EventLoop func `transactions beyond the connections wait their turn, or are refused`()
    async throws
  {
    try await TestDatabase.with { test in
      let database = test.open {
        $0.leasedConnectionsMax = 2
        $0.waitingMax = 10
        $0.waitLimit = .seconds(20)
      }
      try await database.check()
      let codes = await withTaskGroup(of: Fault.Code?.self) { group in
        for _ in 0..<20 {
          group.addTask { @EventLoop @Sendable in
            do throws(Fault) {
              try await database.transaction(for: nil) { (tx) throws(Fault) in
                try await tx.query("select pg_sleep(0.02)")
              }
              return nil
            } catch {
              return error.code
            }
          }
        }
        var codes: [Fault.Code?] = []
        for await code in group { codes.append(code) }
        return codes
      }
      // Ten could wait; both connections were still being made then, so nobody had one at once.
      #expect(codes.count { $0 == nil } == 10)
      #expect(codes.count { $0 == .unavailable } == 10)
    }
  }
}
