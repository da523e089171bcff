import EventLoop
import Faults
import Logging
import ServiceKit
import Testing

@Suite(.serialized) struct PeriodicTaskTests {
  /// How often the work was done.
  @EventLoop private final class Rounds {
    var count = 0
    /// What is done in the next round.
    var during: (@EventLoop () -> Void)?
  }

  @EventLoop
  private func task(_ rounds: Rounds, isOnDemand: Bool) -> PeriodicTask {
    PeriodicTask(
      "test",
      every: .milliseconds(100),
      isOnDemand: isOnDemand,
      log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    ) { () async throws(Fault) in
      rounds.count += 1
      rounds.during?()
      rounds.during = nil
    }
  }

  /// Lets time pass, and what is due then come to its end.
  @EventLoop
  private func pass(_ duration: Duration) async {
    ManualClock.advance(by: duration)
    for _ in 0..<5 { await EventLoop.spawn {}.value }
  }

  @Test @EventLoop func `a round follows the other until the task is stopped`() async {
    await ManualClock.use {
      let rounds = Rounds()
      let task = task(rounds, isOnDemand: false)
      task.start()
      #expect(rounds.count == 0)
      for _ in 0..<5 { await pass(.milliseconds(160)) }
      #expect(rounds.count == 5)
      await task.stop(withLastRound: true)
      await pass(.seconds(1))
      #expect(rounds.count == 6)
    }
  }

  @Test @EventLoop func `a task on demand works when it is asked, and rests again`() async {
    await ManualClock.use {
      let rounds = Rounds()
      let task = task(rounds, isOnDemand: true)
      task.start()
      await pass(.seconds(1))
      #expect(rounds.count == 0)
      task.ask()
      task.ask()
      #expect(rounds.count == 0)
      await pass(.milliseconds(160))
      #expect(rounds.count == 1)
      await pass(.seconds(1))
      #expect(rounds.count == 1)

      // What is said during a round is for the next one.
      rounds.during = { task.ask() }
      task.ask()
      await pass(.milliseconds(160))
      #expect(rounds.count == 2)
      await pass(.milliseconds(160))
      #expect(rounds.count == 3)
      await task.stop()
      task.ask()
      await pass(.seconds(1))
      #expect(rounds.count == 3)
    }
  }
}
