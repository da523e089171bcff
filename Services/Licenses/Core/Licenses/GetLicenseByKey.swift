internal import Cryptography
public import Faults
public import Messages
public import RPC

extension Licenses {
  /// Shows the license that has this key.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no license with this key; the key is not repeated.
  public func getLicenseByKey(
    _ request: GetLicenseByKeyRequest,
    _ call: Call
  ) async throws(Fault) -> License {
    let tenant = try call.requireTenant()
    let hashes = LicenseKey.lookupHashes(of: request.key)
    let now = now()
    let license = try await licenses.get(tenant, keyHashes: hashes, at: now)
    guard let license else { throw .notFound("License not found") }
    return try await withMachines(license, tenant, at: now)
  }
}
