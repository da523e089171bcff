internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Sealing

extension Keys {
  /// Makes the account's next response-signing key, and shows its secret once: from now on answers have a second
  /// signature by it.
  ///
  /// - Throws: ``Fault`` `permissionDenied` for an API key of the test environment; `CONFLICT` when there is a
  ///   next key already.
  public func createResponseSigningKey(
    _ request: CreateResponseSigningKeyRequest,
    _ call: Call
  ) async throws(Fault) -> ResponseSigningKey {
    let tenant = try call.requireLiveTenant()
    let dataKey = try await dataKeys.newest(of: tenant)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let record = ResponseSigningKeyRecord(
        id: .v7(at: change.now),
        state: .next,
        createdAt: change.now
      )
      let secret = ResponseSigningSecret.generate()
      let place = Keys.responseSigningKeys.place(
        "sealed_secret",
        row: record.id,
        account: tenant.accountID
      )
      let isAdded = try await self.responseSigningKeys.insert(
        record,
        sealedSecret: dataKey.seal(secret, in: place),
        change
      )
      guard isAdded else {
        throw .keyConflict(
          "There is a next response-signing key already; promote or delete it first"
        )
      }
      try change.record(
        "responseSigningKey.create",
        record.id,
        before: nil,
        after: record.message()
      )
      return record.message(
        showing: secret.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
      )
    }
  }
}

extension Call {
  /// The tenant of a caller who may change what concerns the whole account.
  ///
  /// A response-signing key signs the answers of both environments. A test key must not be able to have the
  /// customers' software refuse live ones.
  ///
  /// - Throws: ``Fault`` `permissionDenied` for the test environment.
  func requireLiveTenant() throws(Fault) -> Tenant {
    let tenant = try requireTenant()
    guard tenant.environment == .live else {
      throw .forbidden("Response-signing keys sign live answers too; use a live API key")
    }
    return tenant
  }
}
