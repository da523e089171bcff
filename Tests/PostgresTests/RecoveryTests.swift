import EventLoop
import Faults
import Glibc
import Postgres
import TestKit
import Testing

/// What callers see while the server goes away and comes back.
@Suite struct RecoveryTests {
  @Test @EventLoop func `a killed server gives clear errors at once, and all recovers by itself`()
    async throws
  {
    let server = try await PrivateServer.start()
    let database = Database(server.configuration)
    // What it was whenever it said that it had changed, without repetitions.
    var told: [Bool] = []
    database.onHealthChange = { [unowned database] in
      if told.last != database.isAvailable { told.append(database.isAvailable) }
    }
    database.start()
    try await database.query("create table t (a int8)")
    #expect(told == [true])

    // Under load, so that statements are in flight when the server dies.
    var isRunning = true
    var answers = 0
    var refusals: [Fault] = []
    let load = (0..<16).map { _ in
      EventLoop.spawn {
        while isRunning {
          do throws(Fault) {
            let value: Int = try await database.read("select 41 + \(1)").single().value(0)
            if value == 42 { answers += 1 } else { Issue.record("A wrong answer: \(value)") }
          } catch {
            refusals.append(error)
            await EventLoop.sleep(for: .milliseconds(1))
          }
        }
      }
    }
    await EventLoop.sleep(for: .milliseconds(50))
    try await server.control("stop", "-m", "immediate")
    await EventLoop.sleep(for: .milliseconds(300))
    #expect(!database.isAvailable && !database.isConnecting)
    #expect(told.last == false)
    // While it is gone, an answer takes no time at all.
    let started = Instant.now
    let fault = await #expect(throws: Fault.self) { try await database.read("select 1") }
    #expect(fault?.code == .unavailable)
    #expect(Instant.now - started < .milliseconds(100))
    await #expect(throws: Fault.self) {
      try await database.transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query("select 1")
      }
    }

    let before = answers
    try await server.control("start")
    let limit = Instant.now + .seconds(5)
    while answers < before + 100, Instant.now < limit {
      await EventLoop.sleep(for: .milliseconds(10))
    }
    #expect(answers >= before + 100)
    #expect(database.isAvailable)
    #expect(told.last == true)
    isRunning = false
    for task in load { await task.value }
    #expect(refusals.allSatisfy { $0.code == .unavailable })
    try await database.transaction(for: nil) { (tx) throws(Fault) in
      try await tx.query("insert into t values (1)")
    }
    await database.close()
    await server.stop()
  }

  @Test @EventLoop func `a read survives the end of its session, a write is not repeated`()
    async throws
  {
    try await TestDatabase.with { test in
      let database = test.open { $0.sharedConnections = 1 }
      let killer = test.open { $0.sharedConnections = 1 }
      try await database.query("create table t (a int8)")
      try await database.query("create sequence s")
      func terminateOthers() async throws {
        try await killer.query(
          """
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid()
          """
        )
      }
      async let read = database.read("select 7::int8 from pg_sleep(0.2)")
      await EventLoop.sleep(for: .milliseconds(50))
      try await terminateOthers()
      #expect(try await read.single().value(0) == 7)

      let write = EventLoop.spawn { () async -> Fault? in
        do throws(Fault) {
          try await database.query("select nextval('s') from pg_sleep(0.2)")
          return nil
        } catch {
          return error
        }
      }
      await EventLoop.sleep(for: .milliseconds(50))
      try await terminateOthers()
      #expect(await write.value?.code == .unavailable)
      // Once was sent, and it was not sent again.
      #expect(try await killer.read("select last_value from s where is_called").isEmpty)
    }
  }

  @Test @EventLoop func `a transaction whose session ends fails, and the next one works`()
    async throws
  {
    try await TestDatabase.with { test in
      let database = test.open { $0.leasedConnectionsMax = 1 }
      try await database.query("create table t (a int8)")
      let fault = await #expect(throws: Fault.self) {
        try await database.transaction(for: nil) { (tx) throws(Fault) in
          try await tx.query("insert into t values (1)")
          let pid: Int = try await tx.query("select pg_backend_pid()").single().value(0)
          try await database.query("select pg_terminate_backend(\(pid)::int4)")
          try await tx.query("insert into t values (2)")
        }
      }
      #expect(fault?.code == .unavailable)
      try await database.transaction(for: nil) { (tx) throws(Fault) in
        try await tx.query("insert into t values (3)")
      }
      #expect(try await database.read("select a from t").map { try $0.value(0) as Int } == [3])
    }
  }

  @Test @EventLoop func `a server that is not there is reported, with the reason for the log only`()
    async throws
  {
    let database = Database(
      try Database.Configuration(conninfo: "host=/nonexistent dbname=x user=y", password: "hunter2")
    )
    database.start()
    let fault = await #expect(throws: Fault.self) { try await database.check() }
    #expect(fault?.code == .unavailable)
    #expect(fault?.message == "The database is not available")
    #expect(fault?.detail?.contains("/nonexistent") == true)
    #expect(!String(reflecting: fault).contains("hunter2"))
    #expect(!database.isAvailable)
    await database.close()
    let closed = await #expect(throws: Fault.self) { try await database.check() }
    #expect(closed?.message == "The service is shutting down")
  }

  @Test @EventLoop func `a server that accepts and then says nothing is given up in time`()
    async throws
  {
    let mute = try MuteServer()
    var configuration = try Database.Configuration(
      conninfo: "host=127.0.0.1 port=\(mute.port) dbname=x user=y sslmode=disable"
    )
    configuration.connectLimit = .milliseconds(200)
    let database = Database(configuration)
    database.start()
    let fault = await #expect(throws: Fault.self) { try await database.check() }
    #expect(fault?.code == .unavailable)
    #expect(fault?.detail?.contains("took longer than 0.2 seconds") == true)
    await database.close()
  }

  @Test @EventLoop func `of several hosts the one that fits is found`() async throws {
    let port = try TestServer.port()
    try await TestDatabase.with { test in
      // One that refuses, one that says nothing, and the real one.
      let mute = try MuteServer()
      var configuration = try Database.Configuration(
        conninfo: """
          host=localhost,127.0.0.1,localhost port=1,\(mute.port),\(port) \
          dbname=\(test.name) user=latchkey_test sslmode=disable target_session_attrs=read-write
          """
      )
      configuration.connectLimit = .milliseconds(300)
      let database = Database(configuration)
      database.start()
      let limit = Instant.now + .seconds(8)
      while !database.isAvailable, Instant.now < limit {
        await EventLoop.sleep(for: .milliseconds(20))
      }
      #expect(try await database.read("select 1::int8").single().value(0) == 1)
      await database.close()
    }
  }

  @Test @EventLoop func `a session that no longer answers is given up`() async throws {
    let server = try await PrivateServer.start()
    var configuration = server.configuration
    configuration.sharedConnections = 1
    configuration.statementLimit = .milliseconds(200)
    let database = Database(configuration)
    database.start()
    let pid: Int = try await database.query("select pg_backend_pid()").single().value(0)
    #expect(kill(Int32(pid), SIGSTOP) == 0)
    let started = Instant.now
    let fault = await #expect(throws: Fault.self) { try await database.query("select 1") }
    #expect(fault?.code == .unavailable)
    #expect(Instant.now - started < .seconds(5))
    #expect(try await database.query("select 2::int8").single().value(0) == 2)
    _ = kill(Int32(pid), SIGKILL)
    await database.close()
    await server.stop()
  }

  @Test @EventLoop func `closing lets a transaction end and refuses what is new`() async throws {
    try await TestDatabase.with { test in
      let database = Database(test.configuration)
      database.start()
      try await database.query("create table t (a int8)")
      var hasBegun = false
      let task = EventLoop.spawn { () async -> Bool in
        let outcome: Void? = try? await database.transaction(for: nil) { (tx) throws(Fault) in
          try await tx.query("insert into t values (1)")
          hasBegun = true
          try await tx.query("select pg_sleep(0.2)")
        }
        return outcome != nil
      }
      while !hasBegun { await EventLoop.sleep(for: .milliseconds(5)) }
      await database.close()
      #expect(await task.value)
      let fault = await #expect(throws: Fault.self) { try await database.query("select 1") }
      #expect(fault?.code == .unavailable)
      #expect(try await test.open().read("select a from t").count == 1)
    }
  }
}
