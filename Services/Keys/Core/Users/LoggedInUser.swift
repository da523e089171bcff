internal import Changes
internal import EventLoop
internal import Faults
internal import HTTP
internal import Messages
internal import Primitives
internal import RPC

/// The user who makes a call.
struct LoggedInUser {
  /// The account's users, among whom this one is.
  var tenant: Tenant
  var id: UUID
  /// By which session.
  var sessionID: UUID

  /// Reads what the gateway says of a call that only users may make.
  @EventLoop
  init(_ call: Call) throws(Fault) {
    guard let caller = call.caller, caller.actorKind == .user,
      let account = caller.accountId.flatMap({ UUID($0) }),
      let id = caller.actorId.flatMap({ UUID($0) }),
      let session = caller.sessionId.flatMap({ UUID($0) })
    else {
      throw .internalError("A call that only users may make came without a user")
    }
    tenant = Tenant(ofUsersOf: account)
    self.id = id
    sessionID = session
  }
}

extension Users {
  /// Locks the user who acts, so that it is judged by what they are now.
  ///
  /// - Throws: ``Fault`` `unauthenticated` when they are gone or locked out since the gateway asked.
  func lockActor(_ caller: LoggedInUser, _ change: Change) async throws(Fault) -> UserRecord {
    guard let actor = try await users.lock(caller.id, change), actor.disabledAt == nil
    else { throw .sessionEnded }
    return actor
  }
}

extension Origin {
  /// A user whom the call does not name, since it has only just shown who makes it.
  @EventLoop
  init(_ call: Call, user: UUID) {
    self.init(call)
    kind = .user
    actorID = user.description
  }
}

extension Call {
  /// Has the gateway give the browser a session's token, in the cookie that the caller comes with from now on.
  func giveSession(_ token: String) {
    trailers.append("latchkey-session", token, isSecret: true)
  }

  /// Has the gateway take the cookie away.
  func takeSession() { trailers.append("latchkey-session", "") }
}

extension Fault {
  /// The session's user is gone since the gateway asked.
  static let sessionEnded = Fault(
    .unauthenticated,
    "The session has ended; log in again",
    reason: .unauthorized
  )

  /// There is no such user in the account.
  static func userNotFound(_ id: String) -> Fault { .notFound("User not found: \(id)") }
}
