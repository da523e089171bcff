internal import Changes
internal import Cryptography
internal import Faults
internal import Messages
internal import Primitives
internal import Sealing
internal import ServiceKit

/// The keys of new licenses in answers that are given again under an `Idempotency-Key`.
///
/// Such an answer is kept without them, as what is erased must be gone everywhere. When it is given again, each key comes
/// from its license, as long as it is stored there.
extension Licenses {
  /// Shows the keys of licenses again that were issued by the same request.
  func showKeys(of issued: inout [License], _ change: Change) async throws(Fault) {
    var ids: [UUID] = []
    for license in issued { ids.append(try UUID(checked: license.id)) }
    var keys: [UUID: String] = [:]
    let known = KnownDataKeys(dataKeys)
    for (id, sealed) in try await licenses.storedKeys(of: ids, change) {
      let version = DataKey.version(ofSealed: sealed) ?? 0
      let dataKey = try await known.key(of: change.tenant, version: version)
      keys[id] = try LicenseSecrets.key(sealed: sealed, license: id, openedBy: dataKey)
    }
    for (index, id) in ids.enumerated() {
      issued[index].key = keys[id]
      issued[index].keyStored = keys[id] != nil
    }
  }
}
