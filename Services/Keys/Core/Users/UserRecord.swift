internal import Faults
internal import Messages
internal import Primitives

/// What the database keeps of a user.
struct UserRecord: Equatable, Sendable {
  var id: UUID
  var email: EmailAddress
  var name: String
  var role: Role
  var passwordHash: String
  /// Where the user has logged in from of late, the latest first.
  var loginAddresses: [String]
  var disabledAt: Timestamp?
  var lastLoginAt: Timestamp?
  var createdAt: Timestamp
  /// Whether logins need a code.
  var hasSecondFactor: Bool

  /// Whether the user counts as one of the owners that an account must have.
  var isActiveOwner: Bool { role == .owner && disabledAt == nil }

  /// The answer that shows the user, who never is shown with the hash of the password.
  var message: User {
    User(
      id: id.description,
      email: email.text,
      name: name,
      role: role,
      disabledAt: disabledAt?.milliseconds,
      secondFactor: hasSecondFactor,
      lastLoginAt: lastLoginAt?.milliseconds,
      createdAt: createdAt.milliseconds
    )
  }
}

/// What a login has to know of the user with an address.
struct LoginFacts: Sendable {
  var tenant: Tenant
  var userID: UUID
  var passwordHash: String
  var loginAddresses: [String]
}
