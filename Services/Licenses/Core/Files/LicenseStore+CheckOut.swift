internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import Sealing

/// What check-outs read.
extension LicenseStore {
  /// Reads what is known of licenses of one tenant that are to be checked out; one that is not there is left out.
  ///
  /// - Parameters:
  ///   - questions: What is asked about.
  ///   - tenant: Whose.
  ///   - dataKeys: Where the tenant's data keys are.
  ///   - now: The moment.
  /// - Returns: What is known of each.
  /// - Throws: ``Fault`` of the database.
  @EventLoop
  func checkOutFacts(
    _ questions: [CheckOutQuestion],
    for tenant: Tenant,
    _ dataKeys: DataKeyStore,
    at now: Timestamp
  ) async throws(Fault) -> [CheckOutQuestion: Boxed<CheckOutFacts>] {
    let rows = try await database.read(
      for: tenant,
      """
      select asked.question, l.sealed_file_secret, m.id is not null, \(unescaped: License.columns),
        \(unescaped: PolicyStore.columns), \(unescaped: Machine.columns)
      from unnest(\(questions.map(\.license)), \(questions.map(\.fingerprint)))
        with ordinality as asked (license_id, fingerprint, question)
      join licenses.licenses l on l.id = asked.license_id \(unescaped: Self.policyJoin)
      left join licenses.machines m on m.account_id = l.account_id
        and m.environment = l.environment and m.license_id = l.id
        and m.fingerprint = asked.fingerprint and m.deleted_at is null
      where l.deleted_at is null
      """
    )
    // After the rows, so that a key is among them that a rotation has made in between.
    let keys = try await dataKeys.all(of: tenant)
    var facts: [CheckOutQuestion: Boxed<CheckOutFacts>] = [:]
    for row in rows {
      let question: Int = try row.value(0)
      let policy = try Policy(row, from: 3 + License.columnCount)
      var license = try License(row, from: 3).at(now, strategy: policy.expirationStrategy)
      license.policy = policy
      var machine: Machine?
      if try row.value(2) {
        let first = 3 + License.columnCount + PolicyStore.columnCount
        machine = try Machine(row, from: first, on: HeartbeatTerms(policy), at: now)
      }
      let sealed: [UInt8]? = try row.value(1)
      facts[questions[question - 1]] = Boxed(
        CheckOutFacts(
          license: license,
          policy: policy,
          machine: machine,
          sealedFileSecret: sealed,
          dataKey: sealed.flatMap { DataKey.version(ofSealed: $0) }.flatMap { keys[$0] }
        )
      )
    }
    return facts
  }

  /// The license that one of these key hashes leads to; the likelier hash comes first.
  func license(_ tenant: Tenant, keyHashes: [[UInt8]]) async throws(Fault) -> UUID? {
    let rows = try await database.read(
      for: tenant,
      """
      select license_id from licenses.license_key_hashes
      where sha256 = any (\(keyHashes)) order by array_position(\(keyHashes), sha256) limit 1
      """
    )
    guard let row = try rows.singleOrNone() else { return nil }
    return try row.value(0)
  }

  /// The sealed file secret of a license that the change has locked.
  @EventLoop
  func sealedFileSecret(of license: UUID, _ change: Change) async throws(Fault) -> [UInt8]? {
    try await change.transaction.query(
      "select sealed_file_secret from licenses.licenses where id = \(license)"
    ).single().value(0)
  }

  /// Notes that a file was given up.
  ///
  /// - Returns: Whether it was not before.
  @EventLoop
  func release(
    _ serial: Int64,
    of license: UUID,
    _ change: Change
  ) async throws(Fault) -> Bool {
    let tenant = change.tenant
    return try await change.transaction.query(
      """
      insert into licenses.released_files (account_id, environment, license_id, serial, released_at)
      values (\(tenant.accountID), \(tenant.environment), \(license), \(serial), \(change.now))
      on conflict do nothing
      """
    ).affectedCount == 1
  }
}
