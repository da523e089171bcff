internal import Messages
internal import Primitives

/// What the database keeps of a session.
struct SessionRecord: Sendable, Equatable {
  /// A session that is not used for so long has ended.
  ///
  /// Source: NIST SP 800-63B, section 4.2.3, as is the other limit.
  static let idleLimit = Duration.seconds(30 * 60)
  /// A session has ended after so long, however it is used.
  static let absoluteLimit = Duration.seconds(12 * 60 * 60)
  /// How many sessions a user has at a time; the oldest ends for a further one.
  static let countPerUserMax = 20

  var id: UUID
  var userID: UUID
  var clientAddress: String?
  /// To the minute, and known some seconds later.
  var lastUsedAt: Timestamp
  var expiresAt: Timestamp
  var createdAt: Timestamp

  /// The answer that shows the session; `current` is the one that asks.
  func message(current: UUID? = nil) -> UserSession {
    UserSession(
      id: id.description,
      current: id == current,
      clientAddress: clientAddress,
      lastUsedAt: lastUsedAt.milliseconds,
      expiresAt: expiresAt.milliseconds,
      createdAt: createdAt.milliseconds
    )
  }
}
