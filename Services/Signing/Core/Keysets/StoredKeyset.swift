internal import Cryptography
internal import Faults
internal import Messages
internal import Primitives

/// All keys of a tenant as the database keeps them, and what becomes of them; pure rules.
///
/// There is always one key that signs and one that is published to follow it, so that applications know the next key
/// long before its first file.
struct StoredKeyset: Equatable, Sendable {
  /// The root, if one was made.
  var root: Root?
  /// The number of the latest statement of any kind.
  var lastNumber: Int64
  /// What the root has signed, if it has.
  var succession: StoredStatement?
  /// Newest first.
  var keys: [StoredKey]

  /// The public half of a root.
  struct Root: Equatable, Sendable {
    var publicKey: Ed25519PublicKey
    var createdAt: Timestamp
  }

  /// The key that signs at a moment.
  ///
  /// - Throws: ``Fault`` `internalError` when there is none, which no change leaves behind.
  func active(at now: Timestamp) throws(Fault) -> StoredKey {
    guard let key = keys.first(where: { $0.state(at: now) == .active }) else {
      throw .internalError("A keyset has no active key")
    }
    return key
  }

  /// The key that follows the active one.
  ///
  /// - Throws: ``Fault`` `internalError` when there is none, which no change leaves behind.
  func next(at now: Timestamp) throws(Fault) -> StoredKey {
    // Where a rotation is due, it is the one that has a date.
    let following = keys.filter { $0.state(at: now) == .next }
    guard let key = following.first(where: { $0.activatesAt != nil }) ?? following.first else {
      throw .internalError("A keyset has no next key")
    }
    return key
  }

  /// Whether the installed succession names a key.
  func isInSuccession(_ key: StoredKey) -> Bool {
    succession?.keyIDs.contains(key.publicKey.id) ?? false
  }

  /// The key with an id.
  ///
  /// - Throws: ``Fault`` `notFound`.
  func key(_ id: UUID) throws(Fault) -> StoredKey {
    guard let key = keys.first(where: { $0.id == id }) else {
      throw .keyNotFound(id)
    }
    return key
  }

  // MARK: Changes

  /// Has the next key sign from a moment on, and the present one until then.
  ///
  /// A rotation that is due already is moved.
  ///
  /// - Parameters:
  ///   - end: When, not before now.
  ///   - now: The time.
  ///   - isForced: Whether the next key may be one that the root has not vouched for.
  ///   - make: Makes the key that follows.
  /// - Throws: ``Fault`` `BUSINESS_RULE_VIOLATION` when the installed succession does not name the next key.
  mutating func rotate(
    at end: Timestamp,
    now: Timestamp,
    isForced: Bool,
    making make: () -> StoredKey
  ) throws(Fault) {
    let active = try active(at: now)
    let next = try next(at: now)
    if succession != nil, !isInSuccession(next), !isForced {
      throw Fault(
        .failedPrecondition,
        """
        The succession that is installed does not name the next key: applications that embed only the root would \
        refuse its files. Sign and install a new one first, or say force
        """,
        reason: .businessRuleViolation
      )
    }
    update(active.id) { $0.retiredAt = end }
    update(next.id) { $0.activatesAt = end }
    if next.activatesAt == nil { keys.insert(make(), at: 0) }
  }

  /// Takes a key out of use.
  ///
  /// - Parameters:
  ///   - id: The key.
  ///   - isRevoked: Whether nothing that it ever signed counts.
  ///   - now: The time.
  ///   - isForced: As for ``rotate(at:now:isForced:making:)``.
  ///   - make: Makes the key that is published in place of the one that is gone.
  /// - Throws: ``Fault`` `CONFLICT` when there is nothing to take out of use.
  mutating func retire(
    _ id: UUID,
    isRevoked: Bool,
    now: Timestamp,
    isForced: Bool,
    making make: () -> StoredKey
  ) throws(Fault) {
    let key = try key(id)
    switch key.state(at: now) {
    case .revoked:
      throw .keyConflict("This key was revoked already")
    case .retired where !isRevoked:
      throw .keyConflict("This key was retired already; it can only be revoked")
    case .next where !isRevoked:
      throw .keyConflict("This key signs nothing yet; it can only be revoked")
    case .retired: break
    case .active:
      try rotate(at: now, now: now, isForced: isForced, making: make)
    case .next:
      // Where it was to take over, the present key goes on.
      if key.activatesAt != nil {
        update(try active(at: now).id) { $0.retiredAt = nil }
      } else {
        keys.insert(make(), at: 0)
      }
    }
    if isRevoked { update(id) { $0.revokedAt = now } }
  }

  private mutating func update(_ id: UUID, _ change: (inout StoredKey) -> Void) {
    guard let index = keys.firstIndex(where: { $0.id == id }) else { return }
    change(&keys[index])
  }

  /// Forgets the private halves of keys that sign no more.
  mutating func eraseSeeds(at now: Timestamp) {
    for index in keys.indices {
      switch keys[index].state(at: now) {
      case .retired, .revoked: keys[index].sealedSeed = nil
      case .active, .next: break
      }
    }
  }
}

extension Fault {
  /// The tenant has no such key.
  static func keyNotFound(_ id: UUID) -> Fault { .notFound("Signing key not found: \(id)") }

  /// A key is in no state for what is asked of it.
  static func keyConflict(_ message: String) -> Fault {
    Fault(.aborted, message, reason: .conflict)
  }
}
