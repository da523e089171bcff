internal import Messages
internal import Primitives

/// What is known of the session that a token's hash leads to, and the rules of it.
struct SessionFacts: Sendable {
  /// How long a token is used before it is exchanged for another.
  static let rotationInterval = Duration.seconds(15 * 60)
  /// How long a token goes on that was exchanged: requests are under way with it.
  static let overlap = Duration.seconds(60)
  /// A token that still comes so long after it was exchanged is exchanged once more: its successor was lost on the way.
  private static let successorLostAfter = Duration.seconds(10)

  var tenant: Tenant
  var sessionID: UUID
  var userID: UUID
  var role: Role
  var disabledAt: Timestamp?
  var tokenExpiresAt: Timestamp
  var tokenReplacedAt: Timestamp?
  var lastUsedAt: Timestamp
  var rotatesAt: Timestamp
  var expiresAt: Timestamp

  /// Whether the token lets its user in.
  func isGood(at now: Timestamp) -> Bool {
    disabledAt == nil && now < tokenExpiresAt && now < expiresAt
      && now - lastUsedAt < SessionRecord.idleLimit
  }

  /// Whether the token is to be exchanged.
  func isRotationDue(at now: Timestamp) -> Bool {
    guard let tokenReplacedAt else { return now >= rotatesAt }
    return now - tokenReplacedAt >= Self.successorLostAfter
  }
}
