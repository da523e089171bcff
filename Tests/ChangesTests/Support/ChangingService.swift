import Changes
import Cryptography
import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import Sealing
import Stubs

/// A service of one method, which makes the change that a test says, and answers with a license.
@EventLoop
final class ChangingService {
  let changes: Changes
  /// What the change is.
  var body: @EventLoop (Change, Call) async throws(Fault) -> Changes.Outcome<License>
  /// How its answer is kept.
  var kept: KeptAnswer<License>?
  /// How often it was made, whatever became of it.
  private(set) var runs = 0

  init(_ changes: Changes) {
    self.changes = changes
    body = { (change, _) throws(Fault) in .done(try change.suspended()) }
  }

  func register(on server: RPCServer) {
    let method = Method.unary(LicensesMethods.createLicense) {
      (request: CreateLicenseRequest, call) async throws(Fault) -> License in
      let tenant = try call.requireTenant()
      return try await self.changes.makeOrRefuse(call, for: tenant, keeping: self.kept) {
        (change) async throws(Fault) in
        self.runs += 1
        return try await self.body(change, call)
      }
    }
    server.register(LicensesMethods.serviceName, [method], files: [])
  }
}

extension Change {
  /// The simplest change: a line in the audit log says that a license was suspended.
  ///
  /// - Returns: The license, with a key of its own.
  func suspended() throws(Fault) -> License {
    let id = UUID.v7(at: now)
    let license = License.sample(id, .active, at: now)
    var suspended = license
    suspended.status = .suspended
    try record("license.suspend", id, before: license, after: suspended, reason: "unpaid")
    return suspended
  }
}

extension License {
  static func sample(_ id: UUID, _ status: Status, at now: Timestamp) -> License {
    License(
      id: id.description,
      key: "ATL-\(id)",
      status: status,
      productId: id.description,
      policyId: id.description,
      usesCount: 0,
      machineCount: 0,
      createdAt: now.milliseconds,
      updatedAt: now.milliseconds,
      metadata: Array("{}".utf8),
      keyStored: true
    )
  }
}

/// One data key for each account.
final class TestDataKeys: DataKeys {
  private let sealer = Sealer(masterKeys: .random())
  private var keys: [UUID: DataKey] = [:]

  func newest(of tenant: Tenant) async throws(Fault) -> DataKey {
    if let key = keys[tenant.accountID] { return key }
    let key = try sealer.unwrap(sealer.makeDataKey(for: tenant.accountID))
    keys[tenant.accountID] = key
    return key
  }

  func key(of tenant: Tenant, version: UInt32) async throws(Fault) -> DataKey {
    let key = try await newest(of: tenant)
    guard key.version == version else { throw .internalError("No such version") }
    return key
  }
}
