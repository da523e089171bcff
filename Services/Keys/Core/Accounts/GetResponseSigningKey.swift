internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Sealing
internal import ServiceKit

extension Keys {
  /// Shows the secret that an account's validation answers are signed with, and the one that they are signed with
  /// besides during a rotation.
  ///
  /// - Throws: ``Fault`` `notFound` when there is no such account, or when none is named and the deployment
  ///   has several or none.
  public func getResponseSigningKey(
    _ request: GetResponseSigningKeyRequest,
    _ call: Call
  ) async throws(Fault) -> GetResponseSigningKeyResponse {
    let account = try request.accountId.map { (id) throws(Fault) in try UUID(checked: id) }
    guard let keys = try await accounts.responseSigningKeys(of: account) else {
      guard let account else {
        throw .notFound("The deployment does not have exactly one account; name one")
      }
      throw .notFound("Account not found: \(account)")
    }
    var next: String?
    if let key = keys.next { next = try await open(key) }
    return GetResponseSigningKeyResponse(
      accountId: keys.active.dataKey.accountID.description,
      signingKey: try await open(keys.active),
      nextSigningKey: next
    )
  }

  /// Opens a response-signing key.
  func open(_ sealed: SealedSigningKey) async throws(Fault) -> String {
    var secret = try await dataKeys.unwrap(sealed.dataKey).open(sealed.secret, in: sealed.place)
    defer { wipe(&secret) }
    return String(decoding: secret, as: UTF8.self)
  }
}
