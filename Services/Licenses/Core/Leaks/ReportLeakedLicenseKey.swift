internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Licenses {
  /// Takes the report of a license key that was found where it should not be, from anybody who can show the key.
  ///
  /// The answer tells nothing about whose license it is. One that is not active is left as it is.
  ///
  /// - Throws: ``Fault`` of the database.
  public func reportLeakedLicenseKey(_ report: LeakReport, _ call: Call) async throws(Fault)
    -> LeakResponse
  {
    let unknown = LeakResponse(kind: .unknown, action: .nothing)
    guard let facts = try await facts(ofKey: report.secret, fingerprint: nil)?.value else {
      return unknown
    }
    return try await changes.make(call, for: facts.tenant) { (change) async throws(Fault) in
      guard var locked = try await self.licenses.lock(facts.id, change) else { return unknown }
      let wasDue = try locked.settleExpiry(change)
      let before = locked.license
      let isOver = before.status == .revoked || before.status == .banned
      let isSuspended = before.status == .active && self.leakedKeys == .suspend
      if isSuspended { locked.license = try before.suspended(at: change.now) }
      let isTold = try await change.recordLeak(
        "license.leak",
        locked.id,
        before: before,
        after: isSuspended ? locked.license : nil,
        report
      )
      if isTold, !isOver { locked.emit(.licenseLeaked, locked.license, at: change.now) }
      if isSuspended { locked.emit(.licenseSuspended, locked.license, at: change.now) }
      if wasDue || !locked.events.isEmpty { try self.licenses.save(locked, change) }
      return LeakResponse(
        kind: .licenseKey,
        action: isSuspended ? .suspended : isOver ? .nothing : .alerted
      )
    }
  }
}
