public import Faults
public import Messages
public import RPC

extension Licenses {
  /// Issues a license.
  ///
  /// The answer is the only one that shows its key.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when the expiry is past; `REFERENCE_NOT_FOUND` when the tenant has no
  ///   such product, policy or entitlement; `BUSINESS_RULE_VIOLATION` when the policy does not admit what is
  ///   asked for; `PLAN_LIMIT_EXCEEDED` when the environment may have no further license.
  public func createLicense(_ request: CreateLicenseRequest, _ call: Call) async throws(Fault)
    -> License
  {
    try await issue([request], call) { (issued) throws(Fault) in issued[0] }
  }
}
