internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Postgres
public import RPC

extension Keys {
  /// Takes the report of an API key that was found where it should not be, from anybody who can show the key.
  ///
  /// The answer tells nothing about the key's owner. A key that works no longer is left as it is.
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
      let isOver =
        before.revokedAt != nil || before.expiresAt.map { $0 <= change.now } ?? false
      var after: APIKeyRecord?
      if !isOver, self.leakedKeys == .revoke {
        self.apiKeys.revoke(before.id, change)
        after = before
        after?.revokedAt = change.now
      }
      try await change.recordLeak(
        "apiKey.leak",
        before.id,
        before: before.message(),
        after: after?.message(),
        report
      )
      return LeakResponse(
        kind: .apiKey,
        action: after != nil ? .revoked : isOver ? .nothing : .alerted
      )
    }
  }
}
