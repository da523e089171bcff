internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Sealing
internal import ServiceKit

extension Licenses {
  /// Shows the key of a license, in whatever state it is.
  ///
  /// The line in the audit log is committed before the key is answered, each time, also to a request that is sent again
  /// under its `Idempotency-Key`.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `BUSINESS_RULE_VIOLATION` when its key is
  ///   not stored; `dataLoss` when what is stored is not this license's key.
  public func revealLicenseKey(_ request: RevealLicenseKeyRequest, _ call: Call) async throws(Fault)
    -> RevealedLicenseKey
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    let kept = KeptAnswer<RevealedLicenseKey>(
      without: { $0.key = "" },
      restoredBy: { (answer, change) async throws(Fault) in
        answer.key = try await self.reveal(id, change)
      }
    )
    return try await changes.make(call, for: tenant, keeping: kept) {
      (change) async throws(Fault) in
      RevealedLicenseKey(id: id.description, key: try await self.reveal(id, change))
    }
  }

  private func reveal(_ id: UUID, _ change: Change) async throws(Fault) -> String {
    let sealed: [UInt8]
    switch try await licenses.storedKey(of: id, change) {
    case .noLicense: throw .notFound("License not found: \(id)")
    case .notStored: throw .keyNotStored
    case .sealed(let bytes): sealed = bytes
    }
    let version = DataKey.version(ofSealed: sealed) ?? 0
    let dataKey = try await dataKeys.key(of: change.tenant, version: version)
    let key = try LicenseSecrets.key(sealed: sealed, license: id, openedBy: dataKey)
    // Nothing is changed, so there is no resource to show before or after it.
    try change.record("license.reveal", id, before: License?.none, after: nil)
    return key
  }
}

extension Fault {
  /// Nothing leads back to the key of this license.
  fileprivate static let keyNotStored = businessRule(
    """
    The key of this license is not stored, so nothing can show it: the product does not store keys, or the license \
    was imported by its key's hash
    """
  )
}
