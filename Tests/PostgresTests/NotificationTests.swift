import EventLoop
import Faults
import Postgres
import TestKit
import Testing

@Suite struct NotificationTests {
  /// Waits until a condition holds.
  @EventLoop private func wait(_ condition: () -> Bool) async {
    let limit = Instant.now + .seconds(5)
    while !condition(), Instant.now < limit { await EventLoop.sleep(for: .milliseconds(5)) }
  }

  @Test @EventLoop func `notifications arrive, also after the session was lost`() async throws {
    try await TestDatabase.with { test in
      let listener = test.open()
      let sender = test.open { $0.sharedConnections = 1 }
      var events: [Database.Notification] = []
      let subscription = listener.listen("work") { events.append($0) }
      await wait { events == [.listening] }
      try await sender.query("select pg_notify('work', \("one"))")
      try await sender.query("select pg_notify('other', 'nobody listens')")
      await wait { events.count == 2 }
      #expect(events == [.listening, .notified(payload: "one")])

      try await sender.query(
        """
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
        """
      )
      await wait { events.count == 3 }
      #expect(events.last == .listening)
      try await sender.query("select pg_notify('work', \("two"))")
      await wait { events.count == 4 }
      #expect(events.last == .notified(payload: "two"))

      subscription.cancel()
      try await sender.query("select pg_notify('work', \("three"))")
      try await listener.check()
      #expect(events.count == 4)
    }
  }

  @Test @EventLoop func `several listeners of one channel all hear, each from its beginning`()
    async throws
  {
    try await TestDatabase.with { test in
      let database = test.open()
      var first: [Database.Notification] = []
      var second: [Database.Notification] = []
      let one = database.listen("work") { first.append($0) }
      await wait { !first.isEmpty }
      let two = database.listen("work") { second.append($0) }
      await wait { !second.isEmpty }
      try await database.query("select pg_notify('work', 'x')")
      await wait { first.count == 2 && second.count == 2 }
      #expect(first == [.listening, .notified(payload: "x")])
      #expect(second == first)
      withExtendedLifetime((one, two)) {}
    }
  }
}
