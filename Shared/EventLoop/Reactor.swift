internal import CUV

/// Work that is done once at the end of a tick, however often it was asked for.
@EventLoop
public protocol Flushable: AnyObject {
  /// Does the work.
  func flush()
}

/// The libuv loop and what runs in it: jobs, end-of-tick work, timers.
@EventLoop
final class Reactor {
  /// Rounds of jobs and flushes in one tick before sockets get their turn, so that tasks that keep
  /// enqueueing each other cannot starve them; far more than honest work takes.
  private static let roundsMax = 256
  /// Rounds of jobs after which output is sent in any case; a call takes two or three.
  private static let roundsPerFlush = 8
  /// Jobs, or as much work without one, that end a tick before the other sockets have been read.
  ///
  /// Under load a tick would else be all requests that are in flight: the next process would have nothing to do until
  /// the last of them is read, and this one nothing until the first is answered. Large enough that output still leaves in
  /// batches.
  private static let jobsPerTick = 16
  /// The size of the buffer that all sockets read through: one TLS record or many small requests.
  static let readBufferBytes = 64 * 1024

  /// Capacity that the output buffer keeps between uses.
  private static let outputBufferBytesMax = 1024 * 1024

  let loop: UnsafeMutablePointer<uv_loop_t>
  let readBuffer: UnsafeMutableRawBufferPointer
  /// The buffer that connections make their output in, one after the other.
  var outputBuffer: [UInt8] = []
  let timers: TimerWheel
  private let prepare: UnsafeMutablePointer<uv_prepare_t>
  private let idle: UnsafeMutablePointer<uv_idle_t>
  private var isIdling = false
  private var running: [UnownedJob] = []
  /// Work of this tick that took no job.
  private var joblessCount = 0
  private var dirty: [any Flushable] = []
  private var flushing: [any Flushable] = []

  init() {
    loop = .allocate(capacity: 1)
    uv_loop_init(loop)
    readBuffer = .allocate(byteCount: Reactor.readBufferBytes, alignment: 64)
    prepare = .allocate(capacity: 1)
    idle = .allocate(capacity: 1)
    timers = TimerWheel(loop: loop)
    uv_prepare_init(loop, prepare)
    // Prepare runs last before the poll, whatever enqueued: timers, close callbacks, or this loop itself.
    uv_prepare_start(prepare) { _ in EventLoop.assumeIsolated { EventLoop.reactor.drain() } }
    uv_idle_init(loop, idle)
    // Being woken is enough: what was posted is taken before the next poll.
    EventLoop.shared.install(Wake(loop: loop) { _ in })
  }

  func run() {
    uv_run(loop, UV_RUN_DEFAULT)
    preconditionFailure("The event loop ended")
  }

  /// Has `flushable` flushed at the end of this tick; the caller makes sure that it asks once.
  func markDirty(_ flushable: any Flushable) { dirty.append(flushable) }

  func giveBack(_ buffer: [UInt8]) {
    if buffer.capacity <= Reactor.outputBufferBytesMax { outputBuffer = buffer }
  }

  /// Ends the tick early where it has gathered enough; called after each socket.
  func drainIfFull() {
    if EventLoop.shared.waitingCount + joblessCount >= Reactor.jobsPerTick { drain() }
  }

  func countJobless() { joblessCount += 1 }

  private func drain() {
    let serial = EventLoop.shared.unownedExecutor
    let task = EventLoop.shared.asUnownedTaskExecutor()
    joblessCount = 0
    for round in 1...Reactor.roundsMax {
      EventLoop.shared.take(&running)
      if running.isEmpty && dirty.isEmpty { break }
      for job in running {
        // Both faces, as the tasks have the preference: a mismatch would re-enqueue at every suspension.
        job.runSynchronously(isolatedTo: serial, taskExecutor: task)
      }
      running.removeAll(keepingCapacity: true)
      // Output goes out once the jobs are through, so that a connection's answers leave together; but
      // jobs that keep enqueueing each other must not hold it back.
      let isThrough = EventLoop.shared.waitingCount == 0
      if isThrough || round.isMultiple(of: Reactor.roundsPerFlush) { flush() }
    }
    keepAwake(EventLoop.shared.waitingCount > 0 || !dirty.isEmpty)
  }

  private func flush() {
    swap(&dirty, &flushing)
    for flushable in flushing { flushable.flush() }
    flushing.removeAll(keepingCapacity: true)
  }

  /// An idle handle makes the poll return at once while work is left over.
  private func keepAwake(_ isNeeded: Bool) {
    guard isNeeded != isIdling else { return }
    isIdling = isNeeded
    if isNeeded { uv_idle_start(idle) { _ in } } else { uv_idle_stop(idle) }
  }
}

extension EventLoop {
  /// Has `flushable` flushed once at the end of this tick.
  ///
  /// The caller keeps track of having asked.
  @EventLoop
  public static func flushAtEndOfTick(_ flushable: any Flushable) {
    reactor.markDirty(flushable)
  }

  /// Counts a piece of work that was done without a job, so that a tick that has gathered much of it ends as early as one
  /// with as many jobs.
  @EventLoop
  public static func countJobless() { reactor.countJobless() }
}
