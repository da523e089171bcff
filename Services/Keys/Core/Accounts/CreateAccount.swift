internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Keys {
  /// Makes an account with its data-encryption key and its response-signing key, unless one with that id is
  /// there already: then that one is the answer, and nothing has changed.
  public func createAccount(_ request: CreateAccountRequest, _ call: Call) async throws(Fault)
    -> Account
  {
    let id = try UUID(checked: request.accountId)
    // An account has no environment; a transaction names one all the same, and so does its audit line.
    let tenant = Tenant(accountID: id, environment: .live)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let wanted = AccountRecord(id: id, name: request.name, createdAt: change.now)
      let key = try self.makeSigningKey(for: id, at: change.now)
      let isAdded = try await self.accounts.insert(wanted, key, change)
      let record = isAdded ? wanted : try await self.accounts.get(id, change)
      guard let keys = try await self.accounts.responseSigningKeys(of: id, change) else {
        throw .internalError("An account has no response-signing key")
      }
      let account = Account(
        id: id.description,
        name: record.name,
        createdAt: record.createdAt.milliseconds,
        signingKey: try await self.open(keys.active)
      )
      if isAdded { try change.record("account.create", id, before: nil, after: account) }
      return account
    }
  }

  /// Makes a response-signing key, and the account's data key to seal it: both are kept, or neither.
  private func makeSigningKey(for account: UUID, at now: Timestamp) throws(Fault)
    -> SealedSigningKey
  {
    let dataKey = sealer.makeDataKey(for: account)
    var key = SealedSigningKey(id: .v7(at: now), secret: [], dataKey: dataKey)
    key.secret = try sealer.unwrap(dataKey).seal(ResponseSigningSecret.generate(), in: key.place)
    return key
  }
}
