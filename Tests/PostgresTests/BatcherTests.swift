import EventLoop
import Faults
import Postgres
import TestKit
import Testing

/// Counts what a batcher asks for, and answers when it is told to.
@EventLoop
private final class Oracle {
  var batches: [[Int]] = []
  var inFlight = 0
  var inFlightMost = 0
  var failing: Set<Int> = []
  private var gates: [CheckedContinuation<Void, Never>] = []
  var isHolding = false

  func answer(_ keys: [Int]) async throws(Fault) -> [Int: String] {
    batches.append(keys)
    inFlight += 1
    inFlightMost = max(inFlightMost, inFlight)
    if isHolding { await withCheckedContinuation { gates.append($0) } }
    inFlight -= 1
    if keys.contains(where: failing.contains) { throw .unavailable("No answer") }
    // Odd keys have no value.
    return Dictionary(
      uniqueKeysWithValues: keys.filter { $0.isMultiple(of: 2) }.map { ($0, "v\($0)") }
    )
  }

  func release() {
    isHolding = false
    for gate in gates { gate.resume() }
    gates = []
  }
}

@Suite struct BatcherTests {
  /// Asks for keys in one tick, each in a task of its own.
  @EventLoop private func ask(
    _ keys: [Int],
    _ batcher: Batcher<Int, String>
  ) -> [Task<Result<String?, Fault>, Never>] {
    keys.map { key in
      EventLoop.spawn {
        do throws(Fault) { return .success(try await batcher.load(key)) } catch {
          return .failure(error)
        }
      }
    }
  }

  /// Who has no task is told once, in the same queries as those who wait in one.
  @Test @EventLoop func `who has no task is called with the value or the fault`() async throws {
    let oracle = Oracle()
    oracle.failing = [9]
    let batcher = Batcher<Int, String>("test", waitingMax: 4) { (keys) async throws(Fault) in
      try await oracle.answer(keys)
    }
    var told: [String] = []
    func note(_ outcome: Result<String?, Fault>) {
      switch outcome {
      case .success(let value): told.append(value ?? "none")
      case .failure(let fault): told.append("\(fault.code)")
      }
    }
    for key in [2, 3, 2] { batcher.load(key) { note($0) } }
    let waited = ask([4], batcher)
    #expect(try await waited[0].value.get() == "v4")
    #expect(told == ["v2", "v2", "none"])
    #expect(oracle.batches == [[2, 3, 4]])
    await withCheckedContinuation { continuation in
      batcher.load(9) { outcome in
        note(outcome)
        continuation.resume()
      }
    }
    #expect(told.last == "unavailable")
    // What is beyond the limit is refused at once.
    for key in 0..<4 { batcher.load(key) { _ in } }
    batcher.load(5) { note($0) }
    #expect(told.count == 5 && told.last == "unavailable")
    _ = await ask([6], batcher)[0].value
  }

  @Test @EventLoop func `keys of one tick become one query, equal keys are asked for once`()
    async throws
  {
    let oracle = Oracle()
    let batcher = Batcher<Int, String>("test") { (keys) throws(Fault) in
      try await oracle.answer(keys)
    }
    let tasks = ask([2, 4, 2, 3, 4, 2], batcher)
    var answers: [String?] = []
    for task in tasks { answers.append(try await task.value.get()) }
    #expect(answers == ["v2", "v4", "v2", nil, "v4", "v2"])
    #expect(oracle.batches == [[2, 4, 3]])
  }

  @Test @EventLoop func `two queries are under way at most, and what waits grows into the next`()
    async throws
  {
    let oracle = Oracle()
    oracle.isHolding = true
    let batcher = Batcher<Int, String>("test", keysMax: 10) { (keys) throws(Fault) in
      try await oracle.answer(keys)
    }
    var tasks = ask([0], batcher)
    await EventLoop.sleep(for: .milliseconds(1))
    tasks += ask([2], batcher)
    await EventLoop.sleep(for: .milliseconds(1))
    tasks += ask([4], batcher)
    await EventLoop.sleep(for: .milliseconds(1))
    tasks += ask(Array(5..<30), batcher)
    await EventLoop.sleep(for: .milliseconds(1))
    #expect(oracle.batches == [[0], [2]])
    oracle.release()
    for (key, task) in zip([0, 2, 4] + Array(5..<30), tasks) {
      #expect(try await task.value.get() == (key.isMultiple(of: 2) ? "v\(key)" : nil))
    }
    #expect(oracle.inFlightMost == 2)
    #expect(oracle.batches.map(\.count) == [1, 1, 10, 10, 6])
  }

  @Test @EventLoop func `an error reaches everybody in its batch and nobody else`() async throws {
    let oracle = Oracle()
    oracle.failing = [2]
    let batcher = Batcher<Int, String>("test", keysMax: 2) { (keys) throws(Fault) in
      try await oracle.answer(keys)
    }
    var codes: [Fault.Code?] = []
    for task in ask([2, 4, 6, 8, 2], batcher) {
      switch await task.value {
      case .success: codes.append(nil)
      case .failure(let fault): codes.append(fault.code)
      }
    }
    #expect(codes == [.unavailable, .unavailable, nil, nil, .unavailable])
  }

  @Test @EventLoop func `who is cancelled leaves at once, and the batch goes on for the others`()
    async throws
  {
    let oracle = Oracle()
    oracle.isHolding = true
    let batcher = Batcher<Int, String>("test") { (keys) throws(Fault) in
      try await oracle.answer(keys)
    }
    let tasks = ask([2, 2, 4], batcher)
    await EventLoop.sleep(for: .milliseconds(1))
    tasks[0].cancel()
    let left = await tasks[0].value
    #expect(throws: Fault.self) { try left.get() }
    #expect(oracle.inFlight == 1)
    oracle.release()
    #expect(try await tasks[1].value.get() == "v2")
    #expect(try await tasks[2].value.get() == "v4")
  }

  @Test @EventLoop func `more waiting than the limit is refused`() async throws {
    let oracle = Oracle()
    oracle.isHolding = true
    let batcher = Batcher<Int, String>("test", inFlightMax: 1, waitingMax: 3) {
      (keys) throws(Fault) in
      try await oracle.answer(keys)
    }
    var tasks = ask([0], batcher)
    await EventLoop.sleep(for: .milliseconds(1))
    tasks += ask([2, 4, 6, 8], batcher)
    if case .failure(let fault) = await tasks[4].value {
      #expect(fault.code == .unavailable)
    } else {
      Issue.record("The fourth that waits was not refused")
    }
    oracle.release()
    for task in tasks[0..<4] { _ = try await task.value.get() }
  }

  @Test @EventLoop func `random loads are all answered, with their own values`() async throws {
    let oracle = Oracle()
    let batcher = Batcher<Int, String>("test", keysMax: 7) { (keys) throws(Fault) in
      await EventLoop.sleep(for: .microseconds(200))
      return try await oracle.answer(keys)
    }
    var random = SplitMix(state: 42)
    for _ in 0..<50 {
      let keys = (0..<Int.random(in: 1..<40, using: &random)).map { _ in
        Int.random(in: 0..<50, using: &random)
      }
      let tasks = ask(keys, batcher)
      for index in tasks.indices where Int.random(in: 0..<5, using: &random) == 0 {
        tasks[index].cancel()
      }
      for (key, task) in zip(keys, tasks) {
        switch await task.value {
        case .success(let value): #expect(value == (key.isMultiple(of: 2) ? "v\(key)" : nil))
        case .failure(let fault): #expect(fault.code == .cancelled)
        }
      }
    }
    #expect(oracle.batches.allSatisfy { $0.count <= 7 && Set($0).count == $0.count })
  }

  @Test @EventLoop func `hashes are looked up at the server, many in one query`() async throws {
    try await TestDatabase.with { test in
      let database = test.open()
      let digests = (0..<500).compactMap { index in
        Digest((0..<32).map { UInt8(truncatingIfNeeded: index &* 7 &+ $0 &* index) })
      }
      try await database.query("create table t (hash bytea primary key, n int8)")
      try await database.query(
        """
        insert into t select distinct on (hash) hash, n
        from unnest(\(digests), \(Array(0..<digests.count))) as t(hash, n)
        """
      )
      var queries = 0
      let batcher = Batcher<Digest, Int>("test") { (keys) throws(Fault) in
        queries += 1
        let rows = try await database.read("select hash, n from t where hash = any(\(keys))")
        var numbers: [Digest: Int] = [:]
        for row in rows {
          let (hash, number) = try row.values(Digest.self, Int.self)
          numbers[hash] = number
        }
        return numbers
      }
      let tasks = digests.map { digest in EventLoop.spawn { try? await batcher.load(digest) } }
      for (digest, task) in zip(digests, tasks) {
        let number = try #require(await task.value)
        #expect(digests[number] == digest)
      }
      #expect(queries <= 3)
    }
  }
}
