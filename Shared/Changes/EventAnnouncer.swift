public import EventLoop
internal import Faults
public import Postgres

/// The channel on which it is told that there are events in the outbox.
public enum EventChannel {
  /// The channel's name.
  public static let name = "latchkey_events"
}

/// The channel on which it is told that somebody is sent other events than before.
public enum SubscriptionChannel {
  /// The channel's name.
  public static let name = "latchkey_subscriptions"
}

/// Tells the webhooks service that events were committed, so that they are sent at once.
///
/// Told after the commit and not in the transaction: a transaction that notifies takes a lock of the whole server when it
/// commits, so that no two of them would reach the disk together. One notification is under way at a time, and stands
/// for all that was committed before it. When the process dies in between, the service finds the events by itself
/// a second later.
@EventLoop
public final class EventAnnouncer {
  private let database: Database
  private var isTelling = false
  private var hasMore = false

  /// Makes one.
  ///
  /// - Parameter database: Any connection of the database.
  public nonisolated init(database: Database) { self.database = database }

  /// Tells it, soon.
  public func announce() {
    hasMore = true
    guard !isTelling else { return }
    isTelling = true
    EventLoop.spawn { [self] in
      while hasMore {
        hasMore = false
        do throws(Fault) {
          try await database.query("select pg_notify(\(EventChannel.name), '')")
        } catch {
          // The service looks by itself as well.
          break
        }
      }
      isTelling = false
    }
  }
}
