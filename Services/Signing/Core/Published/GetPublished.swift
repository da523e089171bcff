public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Signing {
  /// What a verifier needs to know beside an account's roots.
  ///
  /// - Throws: ``Fault`` `notFound` when no root of the account has signed a succession.
  public func getKeysDocument(
    _ request: PublishedRequest,
    _ call: Call
  ) async throws(Fault) -> KeysDocument {
    let account = try UUID(checked: request.account)
    var entries: [KeysDocument.Entry] = []
    for environment in [Environment.test, .live] {
      let tenant = Tenant(accountID: account, environment: environment)
      guard let published = try await publisher.current(tenant),
        let succession = published.succession
      else { continue }
      entries.append(
        KeysDocument.Entry(
          environment: environment == .live ? .live : .test,
          succession: succession.text,
          keyset: published.keyset?.text,
          // No verifier that has only the root would accept a list of a key that it does not vouch for.
          revocations: published.isVouched ? published.revocations.text : nil
        )
      )
    }
    guard !entries.isEmpty else { throw .notFound("Nothing is published of this account") }
    return KeysDocument(version: 1, accountId: account.description, keysets: entries)
  }

  /// The lists of an account's revoked files.
  ///
  /// - Throws: ``Fault`` `notFound` when the account has no keys.
  public func getRevocationsDocument(
    _ request: PublishedRequest,
    _ call: Call
  ) async throws(Fault) -> RevocationsDocument {
    let account = try UUID(checked: request.account)
    var lists: [RevocationsDocument.List] = []
    for environment in [Environment.test, .live] {
      let tenant = Tenant(accountID: account, environment: environment)
      guard let published = try await publisher.current(tenant) else { continue }
      lists.append(
        RevocationsDocument.List(
          environment: environment == .live ? .live : .test,
          revocations: published.revocations.text
        )
      )
    }
    guard !lists.isEmpty else { throw .notFound("Nothing is published of this account") }
    return RevocationsDocument(version: 1, accountId: account.description, lists: lists)
  }
}
