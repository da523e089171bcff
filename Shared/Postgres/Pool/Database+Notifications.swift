public import EventLoop
internal import Faults

extension Database {
  /// What a listener is told.
  public enum Notification: Sendable, Equatable {
    /// Listening has begun, for the first time or after a lost connection. Notifications may have been
    /// missed before, so this is the time to look for work.
    case listening
    /// Somebody sent a notification.
    case notified(payload: String)
  }

  /// The longest name of a channel: the server's limit for identifiers, in bytes.
  private static let channelBytesMax = 63

  /// Listens on a channel until the returned subscription is cancelled or released.
  ///
  /// - Parameters:
  ///   - channel: Lower-case letters, digits and underscores; a fixed name, never a caller's input.
  ///   - receive: Called on the loop for each event.
  /// - Returns: The subscription, which whoever listens keeps.
  public func listen(
    _ channel: String,
    _ receive: @escaping @EventLoop (Notification) -> Void
  ) -> Subscription {
    let isName = channel.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "_")
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
    precondition(
      isName && !channel.isEmpty && channel.utf8.count <= Database.channelBytesMax,
      "A channel's name is not an identifier"
    )
    let subscription = Subscription(receive)
    let isFirst = active(channel).isEmpty
    subscriptions[channel, default: []].append(WeakSubscription(subscription))
    // Where others listen already, this one only has to be told that it does too.
    EventLoop.spawn { [self] in
      if isFirst { await subscribe(channel) } else { subscription.deliver(.listening) }
    }
    return subscription
  }

  /// Listens again on everything: the session that did is gone.
  func resubscribe() async {
    for channel in subscriptions.keys.sorted() { await subscribe(channel) }
  }

  /// The session of the first shared slot is the one that listens.
  private func subscribe(_ channel: String) async {
    // Without a connection now, its making will subscribe.
    guard let connection = connections[0], connection.isOpen else { return }
    if case .failure(let failure) = await connection.perform(Query(sql: "listen \"\(channel)\"")) {
      // A session that does not listen is of no use here; the next one will try again.
      connection.close(failure.fault)
      return
    }
    for subscription in active(channel) { subscription.deliver(.listening) }
  }

  func deliver(channel: String, payload: String) {
    for subscription in active(channel) { subscription.deliver(.notified(payload: payload)) }
  }

  private func active(_ channel: String) -> [Subscription] {
    let active = (subscriptions[channel] ?? []).filter { $0.subscription?.isActive == true }
    subscriptions[channel] = active.isEmpty ? nil : active
    return active.compactMap(\.subscription)
  }
}

/// Somebody's interest in a channel; it ends when this is cancelled or released.
@EventLoop
public final class Subscription {
  private var receive: (@EventLoop (Database.Notification) -> Void)?

  init(_ receive: @escaping @EventLoop (Database.Notification) -> Void) { self.receive = receive }

  var isActive: Bool { receive != nil }

  /// Ends the interest; nothing is delivered afterwards.
  public func cancel() { receive = nil }

  func deliver(_ notification: Database.Notification) { receive?(notification) }
}

struct WeakSubscription {
  weak var subscription: Subscription?

  init(_ subscription: Subscription) { self.subscription = subscription }
}
