internal import Changes
public import Faults
public import Messages
public import RPC

extension Licenses {
  /// Issues a license.
  ///
  /// The answer is the only one that shows its key. Under an `Idempotency-Key` the same request shows it again as long as
  /// it is stored.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when the expiry is past; `REFERENCE_NOT_FOUND` when the tenant has no
  ///   such product, policy or entitlement; `BUSINESS_RULE_VIOLATION` when the policy does not admit what is
  ///   asked for; `PLAN_LIMIT_EXCEEDED` when the environment may have no further license.
  public func createLicense(_ request: CreateLicenseRequest, _ call: Call) async throws(Fault)
    -> License
  {
    let kept = KeptAnswer<License>(
      without: { $0.key = nil },
      restoredBy: { (license, change) async throws(Fault) in
        var issued = [license]
        try await self.showKeys(of: &issued, change)
        license = issued[0]
      }
    )
    return try await issue([request], call, keeping: kept) { (issued) throws(Fault) in issued[0] }
  }
}
