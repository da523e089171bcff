import EventLoop
import TestKit
import Testing

extension EventLoopSuites {
  @Suite(.onLoop) struct TimerTests {
    @Test @EventLoop func `a timer fires at its time and not before`() async {
      await ManualClock.use {
        var fired = 0
        let timer = LoopTimer(after: .milliseconds(50)) { fired += 1 }
        ManualClock.advance(by: .milliseconds(49))
        #expect(fired == 0 && timer.isActive)
        ManualClock.advance(by: .milliseconds(2))
        #expect(fired == 1 && !timer.isActive)
      }
    }

    @Test @EventLoop func `a timer for a moment that has passed fires at once`() async {
      await ManualClock.use {
        ManualClock.advance(by: .seconds(10))
        var fired = 0
        let timer = LoopTimer { fired += 1 }
        timer.start(at: Instant.now + .seconds(-5))
        ManualClock.advance(by: .milliseconds(1))
        #expect(fired == 1)
        // By another one, while timers are served.
        let first = LoopTimer(after: .milliseconds(1)) {
          timer.start(at: Instant.now + .seconds(-5))
        }
        ManualClock.advance(by: .milliseconds(2))
        ManualClock.advance(by: .milliseconds(1))
        #expect(fired == 2 && !first.isActive)
      }
    }

    @Test @EventLoop func `a cancelled timer does not fire`() async {
      await ManualClock.use {
        var fired = 0
        let timer = LoopTimer(after: .milliseconds(5)) { fired += 1 }
        timer.cancel()
        ManualClock.advance(by: .seconds(1))
        #expect(fired == 0)
      }
    }

    @Test @EventLoop func `timers that share a slot fire in their own turns of the wheel`() async {
      await ManualClock.use {
        var fired: [Int] = []
        // 4096 milliseconds apart: the same slot.
        let timers = (0..<5).map { turn in
          LoopTimer(after: .milliseconds(10 + 4096 * turn)) { fired.append(turn) }
        }
        for turn in 0..<5 {
          ManualClock.advance(by: .milliseconds(turn == 0 ? 12 : 4096))
          #expect(fired == Array(0...turn))
        }
        #expect(timers.allSatisfy { !$0.isActive })
      }
    }

    @Test @EventLoop func `a jump far ahead fires everything that is due, once`() async {
      await ManualClock.use {
        var fired = 0
        for index in 1...500 { _ = LoopTimer(after: .milliseconds(index * 37)) { fired += 1 } }
        ManualClock.advance(by: .seconds(3600))
        #expect(fired == 500)
      }
    }

    @Test @EventLoop func `a timer may cancel or restart others while it fires`() async {
      await ManualClock.use {
        var fired: [String] = []
        let second = LoopTimer { fired.append("second") }
        let third = LoopTimer { fired.append("third") }
        _ = LoopTimer(after: .milliseconds(5)) {
          fired.append("first")
          second.cancel()
          third.start(after: .milliseconds(100))
        }
        second.start(after: .milliseconds(5))
        third.start(after: .milliseconds(5))
        ManualClock.advance(by: .milliseconds(10))
        #expect(fired == ["first"])
        ManualClock.advance(by: .milliseconds(102))
        #expect(fired == ["first", "third"])
      }
    }

    @Test @EventLoop func `a repeating timer goes on until it is cancelled`() async {
      await ManualClock.use {
        var fired = 0
        let timer = LoopTimer(every: .milliseconds(10)) { fired += 1 }
        // The first time comes within 15, and so does each next one.
        for _ in 0..<5 { ManualClock.advance(by: .milliseconds(16)) }
        #expect(fired == 5)
        timer.cancel()
        ManualClock.advance(by: .seconds(1))
        #expect(fired == 5)
      }
    }

    @Test @EventLoop func `repeating timers keep step, and a jump fires each once`() async {
      await ManualClock.use {
        var times: [Int64] = []
        let first = LoopTimer(every: .milliseconds(100)) { times.append(Instant.milliseconds) }
        ManualClock.advance(by: .milliseconds(37))
        let second = LoopTimer(every: .milliseconds(100)) { times.append(Instant.milliseconds) }
        let third = LoopTimer(every: .milliseconds(50)) {}
        for _ in 0..<400 { ManualClock.advance(by: .milliseconds(1)) }
        #expect(first.isActive && second.isActive && third.isActive)
        let moments = Array(Set(times)).sorted()
        // Both at each moment, but for one that may have come before the second was started.
        let counts = moments.map { moment in times.count { $0 == moment } }
        #expect(counts.dropFirst().allSatisfy { $0 == 2 })
        let steps = zip(moments, moments.dropFirst()).map { $1 - $0 }
        #expect(steps.allSatisfy { $0 == 100 })
        #expect((3...5).contains(moments.count))

        times = []
        ManualClock.advance(by: .milliseconds(1_000))
        #expect(times.count == 2)
        first.cancel()
        second.cancel()
        third.cancel()
      }
    }

    @Test @EventLoop func `a timer of a later turn of the wheel fires at its time`() async {
      let start = Instant.now
      // What is sooner is not found in its slot, and what is in its slot is not due before its turn.
      let far = LoopTimer(after: .seconds(3600)) {}
      await EventLoop.sleep(for: .milliseconds(4_200))
      #expect((4_200..<5_200).contains((Instant.now - start).nanoseconds / 1_000_000))
      far.cancel()
    }

    @Test @EventLoop func `a sleep lasts at least as long as asked for on the machine's clock`()
      async
    {
      let start = Instant.now
      await EventLoop.sleep(for: .milliseconds(20))
      #expect(Instant.now - start >= .milliseconds(20))
    }

    @Test @EventLoop func `cancelling a task ends its sleep`() async {
      let task = EventLoop.spawn { await EventLoop.sleep(for: .seconds(3600)) }
      await Task.yield()
      task.cancel()
      await task.value
      let cancelledBefore = EventLoop.spawn { await EventLoop.sleep(for: .seconds(3600)) }
      cancelledBefore.cancel()
      await cancelledBefore.value
    }
  }
}

extension Instant {
  /// The current millisecond.
  @EventLoop fileprivate static var milliseconds: Int64 { now.nanoseconds / 1_000_000 }
}
