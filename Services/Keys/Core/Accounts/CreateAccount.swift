internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// Makes an account with its data-encryption key and its response-signing key, unless one with that id is
  /// there already: then that one is the answer.
  public func createAccount(_ request: CreateAccountRequest, _ call: Call) async throws(Fault)
    -> Account
  {
    let now = now()
    let id = try UUID(checked: request.accountId)
    let wanted = AccountRecord(id: id, name: request.name, createdAt: now)
    let account = try await accounts.create(wanted, try makeSigningKey(for: wanted.id, at: now))
    let signingKey = try await signingKey(of: account.id)
    return Account(
      id: account.id.description,
      name: account.name,
      createdAt: account.createdAt.milliseconds,
      signingKey: signingKey.signingKey
    )
  }

  /// Makes a response-signing key, and the account's data key to seal it: both are kept, or neither.
  private func makeSigningKey(for account: UUID, at now: Timestamp) throws(Fault)
    -> SealedSigningKey
  {
    let dataKey = sealer.makeDataKey(for: account)
    var key = SealedSigningKey(id: .v7(at: now), secret: [], dataKey: dataKey)
    key.secret = try sealer.unwrap(dataKey).seal(ResponseSigningKey.generate(), in: key.place)
    return key
  }
}
