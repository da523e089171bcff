internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Licenses {
  /// Gives the seat of a machine back; it does no harm when there is none.
  ///
  /// - Throws: ``Fault`` `UNAUTHORIZED` when no license has the key.
  public func releaseLicense(_ request: ReleaseLicenseRequest, _ call: Call) async throws(Fault)
    -> Nothing
  {
    let facts = try await holder(call, fingerprint: request.fingerprint)
    guard let machine = facts.machine else { return Nothing() }
    let origin = Origin(call, holderOf: facts.id)
    return try await changes.make(call, for: facts.tenant, by: origin) {
      (change) async throws(Fault) in
      do throws(Fault) {
        var locked = try await machines.lock(machine.id, for: .holder(facts), change)
        try deactivate(&locked, change)
      } catch {
        // Somebody else was first.
        guard error.reason == .notFound else { throw error }
      }
      return Nothing()
    }
  }
}
