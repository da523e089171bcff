internal import Messages
internal import Primitives

/// A response-signing key but for its secret.
struct ResponseSigningKeyRecord: Equatable, Sendable {
  /// Where a key is in its life; an account has at most one in each.
  enum State: String, Sendable {
    /// Signs every answer.
    case active
    /// Signs beside the active key, so that clients can be readied for it.
    case next
    /// Signs no more; its secret is gone.
    case retired
  }

  var id: UUID
  var state: State
  var createdAt: Timestamp
  var activatedAt: Timestamp?
  var retiredAt: Timestamp?

  /// The key from now on the one that signs.
  func promoted(at now: Timestamp) -> ResponseSigningKeyRecord {
    var record = self
    record.state = .active
    record.activatedAt = now
    return record
  }

  /// The key after another has taken its place.
  func retired(at now: Timestamp) -> ResponseSigningKeyRecord {
    var record = self
    record.state = .retired
    record.retiredAt = now
    return record
  }

  /// The answer that shows the record, and the secret itself when it has just been made.
  func message(showing secret: String? = nil) -> ResponseSigningKey {
    ResponseSigningKey(
      id: id.description,
      state: ResponseSigningKey.State(state),
      createdAt: createdAt.milliseconds,
      activatedAt: activatedAt?.milliseconds,
      retiredAt: retiredAt?.milliseconds,
      signingKey: secret
    )
  }
}

extension ResponseSigningKey.State {
  /// The state in the contract's words.
  fileprivate init(_ state: ResponseSigningKeyRecord.State) {
    switch state {
    case .active: self = .active
    case .next: self = .next
    case .retired: self = .retired
    }
  }
}
