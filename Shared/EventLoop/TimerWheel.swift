internal import CUV

/// All timers of the process, in a hashed wheel over one `uv_timer`.
///
/// Almost every timer is a deadline that is cancelled long before it is due, several a request, so
/// starting and cancelling must cost next to nothing: a timer is a node of its slot's doubly linked list.
/// A slot holds the timers whose due millisecond has the same low bits; those of a later turn stay.
/// Source: Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987, scheme 6.
@EventLoop
final class TimerWheel {
  /// Slots of one millisecond each; a power of two.
  ///
  /// A turn takes about four seconds, so a far timer is looked at once in that time.
  static let slotCount = 4096
  /// How many slots without a due timer are passed over in the search for when to wake.
  private static let passedMax = 16

  private var slots = [LoopTimer?](repeating: nil, count: slotCount)
  /// One bit a slot that is not empty.
  private var occupied = [UInt64](repeating: 0, count: slotCount / 64)
  /// The last millisecond whose slot has been served.
  private var served: Int64
  /// Where the steps are counted from, so that not all processes of a machine keep the same one.
  private let started: Int64
  private let loop: UnsafeMutablePointer<uv_loop_t>
  private let handle: UnsafeMutablePointer<uv_timer_t>
  /// The millisecond for which `handle` is set.
  private var armed = Int64.max
  /// Set by a test: time that moves only when told to.
  private var manualNow: Instant?

  init(loop: UnsafeMutablePointer<uv_loop_t>) {
    self.loop = loop
    handle = .allocate(capacity: 1)
    uv_timer_init(loop, handle)
    started = Int64(uv_hrtime() / 1_000_000)
    served = started
  }

  var now: Instant { manualNow ?? Instant(nanoseconds: Int64(uv_hrtime())) }

  private var nowMilliseconds: Int64 { now.nanoseconds / 1_000_000 }

  /// The millisecond of the step that is half a delay from now, or the next one after that; steps are one delay apart.
  func step(_ delay: Duration) -> Int64 {
    let length = max(1, delay.nanoseconds / 1_000_000)
    let earliest = nowMilliseconds - started + max(1, length / 2)
    return started + (earliest + length - 1) / length * length
  }

  /// When a timer fires that is due in a millisecond: no sooner than the next that will be served, since the slots before
  /// are only looked at a whole turn of the wheel later.
  func nextServed(from millisecond: Int64) -> Int64 { max(millisecond, served + 1) }

  func insert(_ timer: LoopTimer) {
    let slot = Int(timer.dueMilliseconds & Int64(TimerWheel.slotCount - 1))
    timer.next = slots[slot]
    timer.previous = nil
    slots[slot]?.previous = timer
    slots[slot] = timer
    occupied[slot / 64] |= 1 << UInt64(slot % 64)
    if timer.dueMilliseconds < armed { arm(for: timer.dueMilliseconds) }
  }

  func remove(_ timer: LoopTimer) {
    let slot = Int(timer.dueMilliseconds & Int64(TimerWheel.slotCount - 1))
    if let previous = timer.previous {
      previous.next = timer.next
    } else {
      slots[slot] = timer.next
    }
    timer.next?.previous = timer.previous
    timer.next = nil
    timer.previous = nil
    if slots[slot] == nil { occupied[slot / 64] &= ~(1 << UInt64(slot % 64)) }
  }

  /// Fires what is due, in the order of the due times as far as milliseconds tell.
  private func serve() {
    armed = .max
    let now = nowMilliseconds
    var millisecond = max(served + 1, now - Int64(TimerWheel.slotCount) + 1)
    served = max(served, now)
    while millisecond <= now {
      let slot = Int(millisecond & Int64(TimerWheel.slotCount - 1))
      if occupied[slot / 64] == 0 {
        // Nothing in these 64 milliseconds.
        millisecond += Int64(64 - slot % 64)
        continue
      }
      serve(slot: slot, now: now)
      millisecond += 1
    }
    armForNext()
  }

  private func serve(slot: Int, now: Int64) {
    var due: [LoopTimer] = []
    var timer = slots[slot]
    while let current = timer {
      timer = current.next
      if current.dueMilliseconds <= now { due.append(current) }
    }
    // Newest first in the list; fire the oldest first. One that is cancelled by an earlier one's body
    // is not active any more.
    for timer in due.reversed() where timer.isActive && timer.dueMilliseconds <= now {
      timer.fire()
    }
  }

  /// Sets the wheel to when the next timer is due.
  ///
  /// What is due in a later turn wakes nobody in this one, or a process that rests would be woken every four seconds by
  /// each far timer. Under load, where slots are full of them, the search is not worth its time and ends soon.
  private func armForNext() {
    let start = served + 1
    var offset: Int64 = 0
    var passed = 0
    while offset < Int64(TimerWheel.slotCount) {
      let slot = Int((start + offset) & Int64(TimerWheel.slotCount - 1))
      let word = occupied[slot / 64] >> UInt64(slot % 64)
      guard word != 0 else {
        offset += Int64(64 - slot % 64)
        continue
      }
      offset += Int64(word.trailingZeroBitCount)
      let next = start + offset
      if passed == TimerWheel.passedMax || isAnyDue(by: next) {
        if next < armed { arm(for: next) }
        return
      }
      passed += 1
      offset += 1
    }
    // After a turn those that are left are nearer.
    let turn = served + Int64(TimerWheel.slotCount)
    if passed > 0, turn < armed { arm(for: turn) }
  }

  /// Whether the slot of a millisecond has a timer that is due then.
  private func isAnyDue(by millisecond: Int64) -> Bool {
    var timer = slots[Int(millisecond & Int64(TimerWheel.slotCount - 1))]
    while let current = timer {
      if current.dueMilliseconds <= millisecond { return true }
      timer = current.next
    }
    return false
  }

  private func arm(for millisecond: Int64) {
    armed = millisecond
    guard manualNow == nil else { return }
    uv_update_time(loop)
    let delay = UInt64(max(0, millisecond - Int64(uv_hrtime() / 1_000_000)))
    uv_timer_start(
      handle,
      { _ in EventLoop.assumeIsolated { EventLoop.reactor.timers.serve() } },
      delay,
      0
    )
  }

  // MARK: Manual time

  func setManual(_ isManual: Bool) {
    if isManual {
      manualNow = now
      uv_timer_stop(handle)
    } else {
      manualNow = nil
      // The manual clock may have run ahead: every slot is looked at again.
      served = nowMilliseconds - Int64(TimerWheel.slotCount)
      serve()
    }
  }

  func advance(by duration: Duration) {
    guard let now = manualNow else { preconditionFailure("The clock is not manual") }
    manualNow = now + duration
    serve()
  }
}

/// Time that stands still until a test moves it.
@EventLoop
public enum ManualClock {
  /// Stops the clock at the current moment, runs `body`, and lets the clock run again.
  public static func use<T: Sendable>(_ body: () async throws -> T) async rethrows -> T {
    EventLoop.reactor.timers.setManual(true)
    defer { EventLoop.reactor.timers.setManual(false) }
    return try await body()
  }

  /// Moves time on and fires what is due by then.
  public static func advance(by duration: Duration) {
    EventLoop.reactor.timers.advance(by: duration)
  }
}
