import EventLoop
import Faults
import Foundation
import TestKit
import Testing

/// One after the other, since the counter of foreign enqueues and the manual clock are the process's.
@Suite(.serialized) enum EventLoopSuites {}

extension EventLoopSuites {
  @Suite(.onLoop) struct ExecutorTests {
    @Test @EventLoop func `tasks, sleeps, groups and continuations stay on the loop`() async {
      let before = EventLoop.foreignEnqueueCount
      await EventLoop.spawn {
        for _ in 0..<10 {
          await EventLoop.sleep(for: .milliseconds(1))
          await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { @EventLoop @Sendable in await Task.yield() } }
          }
          await withCheckedContinuation { continuation in
            _ = LoopTimer(after: .milliseconds(1)) { continuation.resume() }
          }
        }
      }.value
      #expect(EventLoop.foreignEnqueueCount == before)
    }

    @Test @EventLoop func `work is flushed once at the end of a tick`() async {
      @EventLoop final class Counter: Flushable {
        var flushes = 0
        var waiting: CheckedContinuation<Void, Never>?
        func flush() {
          flushes += 1
          waiting?.resume()
        }
      }
      let counter = Counter()
      EventLoop.flushAtEndOfTick(counter)
      #expect(counter.flushes == 0)
      await withCheckedContinuation { counter.waiting = $0 }
      #expect(counter.flushes == 1)
    }

    @Test @EventLoop func `a socket that brings much work has it done before the next is read`()
      async throws
    {
      let done = TaskCounter()
      var doneBefore: [Int] = []
      var pairs: [[Int32]] = []
      var watchers: [SocketWatcher] = []
      await withCheckedContinuation { continuation in
        for _ in 0..<2 {
          // Both can be read before the loop polls, so both are in one tick.
          var pair: [Int32] = [0, 0]
          let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
          #expect(socketpair(AF_UNIX, kind, 0, &pair) == 0)
          #expect(write(pair[1], "x", 1) == 1)
          pairs.append(pair)
          let number = watchers.count
          let watcher = SocketWatcher(descriptor: pair[0]) { _ in
            watchers[number].stop()
            doneBefore.append(done.count)
            for _ in 0..<100 { EventLoop.spawn { done.count += 1 } }
            if doneBefore.count == 2 { continuation.resume() }
          }
          watchers.append(watcher)
        }
        for watcher in watchers { watcher.watch(.readable) }
      }
      #expect(doneBefore == [0, 100])
      for descriptor in pairs.joined() { close(descriptor) }
    }

    @Test func `a job from another thread reaches the loop and is counted`() async {
      let before = EventLoop.foreignEnqueueCount
      await withCheckedContinuation { continuation in
        Thread.detachNewThread { EventLoop.spawn { continuation.resume() } }
      }
      #expect(EventLoop.foreignEnqueueCount > before)
    }

    @Test func `entering the loop from another thread ends the process`() async {
      await #expect(processExitsWith: .failure) { EventLoop.assumeIsolated {} }
    }

    @Test @EventLoop func `tasks that keep each other busy do not starve timers`() async {
      var isOver = false
      let spinner = EventLoop.spawn { while !Task.isCancelled { await Task.yield() } }
      await withCheckedContinuation { continuation in
        _ = LoopTimer(after: .milliseconds(20)) {
          isOver = true
          continuation.resume()
        }
      }
      spinner.cancel()
      #expect(isOver)
    }
  }

  @Suite(.onLoop) struct ServicesTests {
    @Test @EventLoop func `blocking work runs elsewhere and its result comes back`() async {
      let wasOnLoop = await EventLoop.background { EventLoop.shared.isCurrent }
      #expect(!wasOnLoop)
      #expect(EventLoop.shared.isCurrent)
    }

    @Test @EventLoop func `names are resolved, and addresses need no resolution`() async throws {
      let local = try await EventLoop.resolve(host: "localhost", port: 80)
      #expect(local.contains { $0.host == "127.0.0.1" || $0.host == "::1" })
      let address = try await EventLoop.resolve(host: "::1", port: 443)
      #expect(address.map(\.description) == ["[::1]:443"])
      for name in ["", "name.invalid", String(repeating: "a", count: 254)] {
        await #expect(throws: Fault.self) {
          try await EventLoop.resolve(host: name, port: 1)
        }
      }
    }

    @Test @EventLoop func `a child's exit status and signal are reported`() async throws {
      let failing = try ChildProcess(
        .init(program: "/bin/sh", arguments: ["-c", "exit 3"], descriptors: [nil, nil, nil])
      )
      let failed = await failing.waitForExit()
      #expect(failed.status == 3 && failed.signal == 0)
      let sleeping = try ChildProcess(
        .init(program: "/bin/sleep", arguments: ["3600"], descriptors: [nil, nil, nil])
      )
      sleeping.send(signal: SIGKILL)
      let exit = await sleeping.waitForExit()
      #expect(exit.signal == SIGKILL)
      #expect(throws: Fault.self) { try ChildProcess(.init(program: "/nonexistent")) }
    }

    @Test @EventLoop func `a signal reaches its handler`() async {
      await withCheckedContinuation { continuation in
        var handler: SignalHandler?
        handler = SignalHandler(.hangUp) {
          handler?.cancel()
          continuation.resume()
        }
        kill(getpid(), SIGHUP)
      }
    }
  }
}

/// Counts what tasks have done.
@EventLoop
private final class TaskCounter {
  var count = 0
}
