internal import Primitives

/// A login whose password was right and whose code is still to come.
struct LoginChallenge: Sendable {
  /// How long a code may take to be typed.
  private static let lifetime = Duration.seconds(300)
  /// How many codes may be tried.
  private static let attemptsMax: Int32 = 5

  var id: UUID
  var userID: UUID
  var attemptsLeft: Int32
  var expiresAt: Timestamp

  /// Reads a row.
  init(id: UUID, userID: UUID, attemptsLeft: Int32, expiresAt: Timestamp) {
    self.id = id
    self.userID = userID
    self.attemptsLeft = attemptsLeft
    self.expiresAt = expiresAt
  }

  /// Makes one for a user.
  init(for user: UUID, at now: Timestamp) {
    self.init(
      id: .v7(at: now),
      userID: user,
      attemptsLeft: Self.attemptsMax,
      expiresAt: now + Self.lifetime
    )
  }

  /// Whether a code may be tried.
  func isOpen(at now: Timestamp) -> Bool { attemptsLeft > 0 && now < expiresAt }
}
