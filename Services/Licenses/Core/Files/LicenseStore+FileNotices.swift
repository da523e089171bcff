internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// What the signing service is to be told; written with the change that it is about.
extension LicenseStore {
  /// Has the signing service told of a locked license, at the number of its latest event.
  ///
  /// It travels with the next statement.
  @EventLoop
  func give(_ fact: FileNotice.Fact, of locked: LockedLicense, _ change: Change) {
    give([(locked.id, locked.eventSequence, fact)], change)
  }

  /// Has the signing service told of many licenses.
  ///
  /// It travels with the next statement.
  @EventLoop
  func give(
    _ notices: [(license: UUID, sequence: Int64, fact: FileNotice.Fact)],
    _ change: Change
  ) {
    guard !notices.isEmpty else { return }
    let tenant = change.tenant
    let ids = notices.map { _ in UUID.v7(at: change.now) }
    var barred: [Bool?] = []
    var hashes: [[UInt8]?] = []
    var serials: [Int64?] = []
    for notice in notices {
      var isBarred: Bool?
      var hash: [UInt8]?
      var serial: Int64?
      switch notice.fact {
      case .barred(let value): isBarred = value
      case .deactivated(let value): hash = value
      case .released(let value): serial = value
      }
      barred.append(isBarred)
      hashes.append(hash)
      serials.append(serial)
    }
    change.transaction.send(
      """
      insert into licenses.file_notices (account_id, environment, id, license_id, sequence, is_barred,
        fingerprint_sha256, serial, created_at)
      select \(tenant.accountID), \(tenant.environment), n.id, n.license_id, n.sequence, n.is_barred,
        n.fingerprint_sha256, n.serial, \(change.now)
      from unnest(\(ids), \(notices.map(\.license)), \(notices.map(\.sequence)), \(barred),
        \(hashes), \(serials)) as n (id, license_id, sequence, is_barred, fingerprint_sha256, serial)
      """
    )
  }

  /// Reads the oldest notices of all tenants.
  func pendingNotices(max: Int) async throws(Fault) -> [FileNotice] {
    let rows = try await database.read(
      """
      select account_id, environment, id, license_id, sequence, is_barred, fingerprint_sha256, serial,
        created_at
      from licenses.pending_file_notices(\(Int32(max)))
      """
    )
    return try rows.map { (row) throws(Fault) in
      let isBarred: Bool? = try row.value(5)
      let hash: [UInt8]? = try row.value(6)
      let fact: FileNotice.Fact =
        if let isBarred { .barred(isBarred) } else if let hash { .deactivated(hash) } else {
          .released(try row.value(7))
        }
      return FileNotice(
        tenant: Tenant(accountID: try row.value(0), environment: try row.value(1)),
        id: try row.value(2),
        license: try row.value(3),
        sequence: try row.value(4),
        fact: fact,
        createdAt: try row.value(8)
      )
    }
  }

  /// Forgets notices of a tenant that were given.
  func forget(_ notices: [FileNotice], of tenant: Tenant) async throws(Fault) {
    try await database.query(
      for: tenant,
      "delete from licenses.file_notices where id = any (\(notices.map(\.id)))"
    )
  }
}
