internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC

extension Keys {
  /// Takes the report of an API key that was found where it should not be, from anybody who can show the key.
  ///
  /// The answer tells nothing about the key's owner, and holds no secret: where the key is to be replaced, its owner
  /// makes the successor. A key that works no longer is left as it is.
  ///
  /// - Throws: ``Fault`` of the database.
  public func reportLeakedApiKey(_ report: LeakReport, _ call: Call) async throws(Fault)
    -> LeakResponse
  {
    guard let hash = APIKey.parse(report.secret).flatMap({ Digest($0.hash) }),
      let facts = try await keyFacts.load(hash)
    else { return LeakResponse(kind: .unknown, action: .nothing) }
    return try await changes.make(call, for: facts.tenant) { (change) async throws(Fault) in
      guard let before = try await self.apiKeys.lock(facts.id, change) else {
        throw .internalError("A hash leads to an API key that is not there")
      }
      let after = before.leaked(self.leakedKeys, overlap: self.leakOverlap, at: change.now)
      if after != before { self.apiKeys.noteLeak(of: after, change) }
      let isTold = try await change.recordLeak(
        "apiKey.leak",
        before.id,
        before: before.message(),
        after: after == before ? nil : after.message(),
        report
      )
      guard before.works(at: change.now) else {
        return LeakResponse(kind: .apiKey, action: .nothing)
      }
      if isTold { change.emit([Event(.apiKeyLeaked, after.message(), at: change.now)]) }
      return LeakResponse(
        kind: .apiKey,
        action: after.revokedAt != nil ? .revoked : after.retiresAt != nil ? .retiring : .alerted
      )
    }
  }
}

extension APIKeyRecord {
  /// Whether the key is neither revoked nor at its end.
  fileprivate func works(at now: Timestamp) -> Bool {
    revokedAt == nil && end.map { now < $0 } ?? true
  }

  /// What a report of it makes of the key: the first one counts.
  fileprivate func leaked(
    _ policy: LeakedAPIKeys,
    overlap: Duration,
    at now: Timestamp
  ) -> APIKeyRecord {
    guard works(at: now) else { return self }
    var record = self
    record.leakedAt = leakedAt ?? now
    switch policy {
    case .alert: break
    case .rotate: record.retiresAt = retiresAt ?? now + overlap
    case .revoke: record.revokedAt = now
    }
    return record
  }
}
