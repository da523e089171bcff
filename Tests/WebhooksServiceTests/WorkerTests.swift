import EventLoop
import Postgres
import TestKit
import Testing

@testable import WebhooksService

@Suite(.onLoop) struct WorkerTests {
  @Test @EventLoop func `a number ends with its session, and is never used again`() async throws {
    try await WebhooksFixture.with { fixture in
      let worker = Worker(of: fixture.test.open(as: "latchkey_webhooks"))
      worker.start {}
      try await fixture.eventually { worker.id != nil }
      let first = worker.id
      let ended = try await fixture.count(
        """
        select count(pg_terminate_backend(pid)) from pg_locks
        where locktype = 'advisory' and classid = 1818982244 and database = (
          select oid from pg_database where datname = current_database())
        """
      )
      #expect(ended == 1)
      try await fixture.eventually { worker.id != first }
      var seen: [Int32?] = []
      try await fixture.eventually {
        let id = worker.id
        seen.append(id)
        return id != nil
      }
      #expect(!seen.contains(first))
      await worker.stop()
    }
  }
}
