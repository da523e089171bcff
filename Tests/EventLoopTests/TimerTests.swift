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
        for _ in 0..<5 { ManualClock.advance(by: .milliseconds(11)) }
        #expect(fired == 5)
        timer.cancel()
        ManualClock.advance(by: .seconds(1))
        #expect(fired == 5)
      }
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
