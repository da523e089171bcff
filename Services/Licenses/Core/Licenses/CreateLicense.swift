internal import Cryptography
public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Issues a license.
  ///
  /// The answer is the only one that shows its key.
  ///
  /// - Throws: ``Fault`` `REFERENCE_NOT_FOUND` when the tenant has no such product or policy;
  ///   `BUSINESS_RULE_VIOLATION` when the policy does not admit what is asked for.
  public func createLicense(_ request: CreateLicenseRequest, _ call: Call) async throws(Fault)
    -> License
  {
    let tenant = try call.requireTenant()
    let now = now()
    let ids = LicenseIDs(
      tenant: tenant,
      license: .v7(at: now),
      product: try UUID(checked: request.productId),
      policy: try UUID(checked: request.policyId)
    )
    return try await database.transaction(for: tenant) { (transaction) async throws(Fault) in
      let terms = try await self.licenses.terms(
        tenant,
        product: ids.product,
        policy: ids.policy,
        transaction
      )
      guard let keyPrefix = terms.keyPrefix else {
        throw .referenceNotFound("Product not found: \(request.productId)")
      }
      guard let policy = terms.policy else {
        throw .referenceNotFound("Policy not found: \(request.policyId)")
      }
      var license = try License(creating: request, policy: policy, id: ids.license, at: now)
      let key = try LicenseKey.generate(prefix: keyPrefix)
      let secrets = try await self.seal(key, ids, by: terms.dataKey, at: now)
      let event = Event(.licenseCreated, license, license: ids.license, sequence: 1, at: now)
      let row = license
      try await storingMetadata { () async throws(Fault) in
        try await self.licenses.insert(row, secrets, event, ids, transaction)
      }
      license.key = key.text
      license.policy = nil
      return license
    }
  }

  /// Seals a new key by the account's data key, which is made when there is none yet.
  private func seal(
    _ key: LicenseKey,
    _ ids: LicenseIDs,
    by dataKey: WrappedDataKey?,
    at now: Timestamp
  ) async throws(Fault) -> LicenseSecrets {
    let wrapped: WrappedDataKey
    if let dataKey {
      wrapped = dataKey
    } else {
      wrapped = try await dataKeys.make(for: ids.tenant)
    }
    return LicenseSecrets(
      of: key,
      license: ids.license,
      sealedBy: try sealer.unwrap(wrapped)
    )
  }
}
