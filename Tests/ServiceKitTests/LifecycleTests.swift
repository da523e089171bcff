import EventLoop
import Faults
import Glibc
import Logging
import Testing

@testable import ServiceKit

@Suite struct LifecycleTests {
  /// What happened, in order.
  @EventLoop private final class Record {
    var events: [String] = []
  }

  @EventLoop
  private func lifecycle(
    _ record: Record,
    parts: [String],
    failing: String? = nil
  ) -> Lifecycle {
    let lifecycle = Lifecycle(
      log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    )
    for part in parts {
      lifecycle.add(part) { () async throws(Fault) in
        if part == failing { throw Fault.unavailable("no") }
        record.events.append("start \(part)")
      } stop: {
        record.events.append("stop \(part)")
      }
    }
    return lifecycle
  }

  @Test @EventLoop func `parts start in order and stop in reverse`() async {
    let record = Record()
    let lifecycle = lifecycle(record, parts: ["pool", "server"])
    lifecycle.add("last") {
      EventLoop.spawn { lifecycle.requestStop("test") }
    } stop: {
    }
    let status = await lifecycle.run()
    #expect(status == 0)
    #expect(record.events == ["start pool", "start server", "stop server", "stop pool"])
  }

  @Test @EventLoop func `a part that does not start stops those before it, and the status tells`()
    async
  {
    let record = Record()
    let lifecycle = lifecycle(record, parts: ["pool", "server", "late"], failing: "server")
    let status = await lifecycle.run()
    #expect(status == 1)
    #expect(record.events == ["start pool", "stop pool"])
  }

  @Test @EventLoop func `a stop during the start cancels it and starts nothing more`() async {
    let record = Record()
    let lifecycle = lifecycle(record, parts: ["pool"])
    lifecycle.add("slow") { () async throws(Fault) in
      EventLoop.spawn { lifecycle.requestStop("test") }
      await EventLoop.sleep(for: .seconds(60))
      if Task.isCancelled { throw Fault(.cancelled, "cancelled") }
    } stop: {
      record.events.append("stop slow")
    }
    lifecycle.add("never") {
      record.events.append("start never")
    } stop: {
    }
    let status = await lifecycle.run()
    #expect(status == 0)
    #expect(record.events == ["start pool", "stop pool"])
  }

  @Test @EventLoop func `a part that hangs while stopping does not keep the process`() async {
    var hung: CheckedContinuation<Void, Never>?
    var hasGivenUp = false
    let lifecycle = Lifecycle(
      log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
      stopLimit: .milliseconds(20)
    ) {
      hasGivenUp = true
      hung?.resume()
    }
    lifecycle.add("hanging") {
      EventLoop.spawn { lifecycle.requestStop("test") }
    } stop: {
      await withCheckedContinuation { hung = $0 }
    }
    _ = await lifecycle.run()
    #expect(hasGivenUp)
  }

  @Test @EventLoop func `the end of the lifeline asks to stop`() async {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    let (reading, writing) = (ends[0], ends[1])
    let signals = StopSignals { _ in }
    let reason = await withCheckedContinuation { continuation in
      signals.watchLifeline(descriptor: reading) { continuation.resume(returning: $0) }
      close(writing)
    }
    #expect(reason == "the supervisor is gone")
    close(reading)
  }
}
