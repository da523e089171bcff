internal import Changes
internal import Faults
internal import Messages
internal import Primitives
internal import RPC
internal import ServiceKit

extension Licenses {
  /// Changes one license under its lock: the row, its events and the line in the audit log are written together.
  ///
  /// An expiry that has passed is written down first, so `body` sees the license as it is now.
  ///
  /// - Parameters:
  ///   - id: The license.
  ///   - call: Who asks.
  ///   - action: What the audit log calls it.
  ///   - reason: What the actor gave as the reason.
  ///   - body: Decides; changes the license and emits its events.
  /// - Returns: The license as it has become, with its policy.
  /// - Throws: What `body` throws; ``Fault`` `notFound` when the tenant has no such license.
  func act(
    on id: String,
    _ call: Call,
    _ action: String,
    reason: String? = nil,
    _ body: (inout LockedLicense, Timestamp) throws(Fault) -> Void
  ) async throws(Fault) -> License {
    let tenant = try call.requireTenant()
    let license = try UUID(checked: id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard var locked = try await self.licenses.lock(license, change) else {
        throw .notFound("License not found: \(id)")
      }
      try locked.settleExpiry(change)
      let before = locked.license
      try body(&locked, change.now)
      try change.record(action, license, before: before, after: locked.license, reason: reason)
      try self.licenses.save(locked, change)
      var answer = locked.license
      answer.policy = locked.policy
      return answer
    }
  }
}
