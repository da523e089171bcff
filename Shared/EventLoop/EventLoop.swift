internal import Glibc
internal import Synchronization

/// The process's one event loop: a libuv loop on a thread of its own, as a global actor.
///
/// Whatever owns a socket, a session or a database connection is `@EventLoop`, so it needs no lock and
/// the compiler proves that it has no data race. The actor is its own serial executor and its own task
/// executor: tasks started by ``spawn(_:)`` prefer it, so their continuations never leave the thread.
@globalActor
public actor EventLoop: SerialExecutor, TaskExecutor {
  /// The loop; first use starts its thread.
  public static let shared = EventLoop()

  /// The loop's state, made on the loop's thread, which is the first to touch it.
  @EventLoop static let reactor = Reactor()

  /// `pthread_self()` of the loop's thread; zero until it runs.
  private let thread = Atomic<UInt>(0)
  private let foreignEnqueues = Atomic<Int>(0)
  private let inbox = Mutex(Inbox())

  private init() {
    var handle = pthread_t()
    let status = pthread_create(
      &handle,
      nil,
      { _ in
        // Waits for the static initializer that starts this very thread, so there is no start race.
        EventLoop.shared.thread.store(UInt(pthread_self()), ordering: .releasing)
        EventLoop.assumeIsolated { EventLoop.reactor.run() }
        return nil
      },
      nil
    )
    precondition(status == 0, "The event loop's thread could not be started")
    pthread_detach(handle)
  }

  /// The loop as a serial executor.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  /// Whether the caller runs on the loop's thread.
  public nonisolated var isCurrent: Bool {
    UInt(pthread_self()) == thread.load(ordering: .relaxed)
  }

  /// Jobs that other threads have handed to the loop since the process started.
  ///
  /// A call that stays on the loop adds none; a rise under load means that some task has lost its
  /// executor preference.
  public static nonisolated var foreignEnqueueCount: Int {
    shared.foreignEnqueues.load(ordering: .relaxed)
  }

  /// Takes a job; serves `SerialExecutor` and `TaskExecutor` alike.
  ///
  /// The loop's own jobs take the lock too: it is free nearly always, and entering the loop's isolation instead
  /// costs an allocation for each job.
  public nonisolated func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isForeign = !isCurrent
    if isForeign { foreignEnqueues.add(1, ordering: .relaxed) }
    let wake = inbox.withLock { inbox in
      inbox.jobs.append(job)
      // The loop looks before it sleeps; only others have to wake it.
      return isForeign && inbox.jobs.count == 1 ? inbox.wake : nil
    }
    wake?.send()
  }

  /// How many jobs wait to be run.
  nonisolated var waitingCount: Int { inbox.withLock { $0.jobs.count } }

  /// Exchanges the jobs that wait for an empty array, whose memory serves the next ones.
  nonisolated func take(_ jobs: inout [UnownedJob]) {
    inbox.withLock { swap(&$0.jobs, &jobs) }
  }

  /// Sets what wakes the loop, which looks for jobs that were posted before by itself.
  nonisolated func install(_ wake: Wake) {
    inbox.withLock { $0.wake = wake }
  }

  /// Stops the process when the caller is not on the loop's thread.
  public nonisolated func checkIsolated() {
    precondition(isCurrent, "Not on the event loop")
  }

  /// Tells the language runtime whether the caller is on the loop.
  public nonisolated func isIsolatingCurrentContext() -> Bool? { isCurrent }

  /// Runs `body` as part of the loop, from code that is on its thread but outside any job: C callbacks.
  ///
  /// Made as `MainActor.assumeIsolated` is; stops the process when called from another thread.
  @inlinable
  public static nonisolated func assumeIsolated<T: Sendable, E: Error>(
    _ body: @EventLoop () throws(E) -> T
  ) throws(E) -> T {
    shared.checkIsolated()
    typealias Plain = () throws(E) -> T
    return try withoutActuallyEscaping(body) {
      (body: @escaping @EventLoop () throws(E) -> T) throws(E) -> T in
      try unsafeBitCast(body, to: Plain.self)()
    }
  }

  /// Starts a task on the loop: the only way tasks are started, since it alone sets the preference
  /// that keeps every continuation of the task on the loop.
  @discardableResult
  public static nonisolated func spawn<T: Sendable>(
    _ body: sending @escaping @EventLoop () async -> T
  ) -> Task<T, Never> {
    Task(executorPreference: shared, operation: body)
  }

  /// Runs `body` at once when on the loop, else as soon as the loop gets to it.
  public static nonisolated func perform(_ body: @escaping @EventLoop @Sendable () -> Void) {
    if shared.isCurrent {
      assumeIsolated { body() }
    } else {
      spawn { body() }
    }
  }

  /// Runs `body` on the loop and keeps the calling thread waiting for good: the last line of a `main`.
  public static nonisolated func runMain(_ body: sending @escaping @EventLoop () async -> Int32)
    -> Never
  {
    spawn { exit(await body()) }
    while true { pause() }
  }
}

/// Jobs that wait to be run.
private struct Inbox: Sendable {
  var jobs: [UnownedJob] = []
  var wake: Wake?
}
