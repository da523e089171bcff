internal import CUV
internal import Glibc

extension EventLoop {
  /// Sets how many threads there are for blocking work and look-ups of names, in place of libuv's 4.
  ///
  /// Look-ups take half of them at most, for as long as name servers let them wait. Called before the loop is first used:
  /// libuv reads the number once.
  ///
  /// - Parameter count: 1 to 1,024; each takes memory for its stack when it is used.
  public static nonisolated func setWorkerCount(_ count: Int) {
    setenv("UV_THREADPOOL_SIZE", String(count), 1)
  }

  /// Runs blocking work on one of libuv's worker threads and suspends the task until it is done.
  ///
  /// For what has no non-blocking form: password hashing, file reads, `PQcancel`. Cancelling the task does not stop the work.
  @EventLoop
  public static func background<T: Sendable>(_ work: @escaping @Sendable () -> T) async -> T {
    await withCheckedContinuation { continuation in
      BackgroundWork {
        let result = work()
        return { continuation.resume(returning: result) }
      }.start()
    }
  }
}

/// One piece of work; it is touched by one thread at a time, in the order that libuv guarantees.
private final class BackgroundWork: Sendable {
  private let work: @Sendable () -> @Sendable () -> Void

  init(_ work: @escaping @Sendable () -> @Sendable () -> Void) { self.work = work }

  @EventLoop func start() {
    let request = UnsafeMutablePointer<uv_work_t>.allocate(capacity: 1)
    request.pointee.data = Unmanaged.passRetained(self).toOpaque()
    let status = uv_queue_work(EventLoop.reactor.loop, request, runOnWorker, completeOnLoop)
    precondition(status == 0, "uv_queue_work: \(uvMessage(status))")
  }

  func run() -> @Sendable () -> Void { work() }
}

/// What resumes the task, in the place of the work once it is done.
private final class Completion: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Runs the work.
///
/// A function of its own, since a closure inside of an isolated method would take on its isolation,
/// and this runs on a worker's thread.
private func runOnWorker(_ request: UnsafeMutablePointer<uv_work_t>?) {
  guard let request, let context = request.pointee.data else { return }
  let work = Unmanaged<BackgroundWork>.fromOpaque(context).takeRetainedValue()
  request.pointee.data = Unmanaged.passRetained(Completion(work.run())).toOpaque()
}

/// Resumes the task; on the loop's thread.
private func completeOnLoop(_ request: UnsafeMutablePointer<uv_work_t>?, _ status: Int32) {
  guard let request, let context = request.pointee.data else { return }
  let completion = Unmanaged<Completion>.fromOpaque(context).takeRetainedValue()
  request.deallocate()
  completion.body()
}
