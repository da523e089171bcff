internal import Cryptography
public import Faults
internal import HTTP
public import Messages
internal import Postgres
internal import Primitives
public import RPC

extension Licenses {
  /// Says whether a license key may be used, and why not.
  ///
  /// The account that the answer is to be signed for travels in a trailer: the license's, or when no license
  /// has the key, the only one that issues keys with its prefix. Without the trailer it is the gateway's to
  /// decide.
  public func validateKey(
    _ request: ValidateKeyRequest,
    _ call: Call
  ) async throws(Fault) -> ValidateKeyResponse {
    let facts = try await facts(ofKey: request.key)
    let verdict = Verdict(on: facts, requiring: request.entitlements, at: now())
    var account = facts?.tenant.accountID
    if account == nil { account = try await owner(ofKey: request.key) }
    if let account { call.trailers.append("latchkey-account", account.description) }
    return ValidateKeyResponse(verdict, on: facts)
  }

  /// Reads the license that a key leads to, together with all that are asked for at the same time.
  private func facts(ofKey key: String) async throws(Fault) -> LicenseFacts? {
    for hash in LicenseKey.lookupHashes(of: key).compactMap(Digest.init) {
      if let facts = try await licenseFacts.load(hash) { return facts }
    }
    return nil
  }

  /// Whose keys begin as this one does, if exactly one account's do.
  private func owner(ofKey key: String) async throws(Fault) -> UUID? {
    guard let prefix = LicenseKey.parse(key)?.prefix else { return nil }
    return try await prefixOwners.load(prefix)
  }
}
