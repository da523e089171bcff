internal import Cryptography
internal import EventLoop
internal import Faults
internal import Postgres

/// Whether master keys can open all that is kept: each that wraps a data key must be there, and be the same key.
@EventLoop
struct MasterKeyCheck {
  /// How many data keys each master key is tried on: a single one may be damaged, which is no fault of the master key.
  private static let samplesMax: Int32 = 5

  let database: Database
  let schema: SealingSchema
  /// The file, as people are told.
  let file: String

  /// What became of the data keys that one master key was tried on.
  private struct Trial {
    var dataKeyCount: Int64
    var opens = false
  }

  /// Tries master keys on the data keys that are there.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` that says which version is missing, or is another key than it was;
  ///   faults of the database.
  func require(_ masterKeys: MasterKeys) async throws(Fault) {
    let rows = try await database.read(
      """
      select master_version, data_keys, account_id, version, wrapped_key
      from \(unescaped: schema.name).master_key_uses(\(Self.samplesMax))
      """
    )
    let sealer = Sealer(masterKeys: masterKeys)
    var trials: [Int64: Trial] = [:]
    for row in rows {
      let masterVersion: Int64 = try row.value(0)
      let version: Int32 = try row.value(3)
      let wrapped = WrappedDataKey(
        accountID: try row.value(2),
        version: UInt32(version),
        bytes: try row.value(4)
      )
      let count: Int64 = try row.value(1)
      var trial = trials[masterVersion] ?? Trial(dataKeyCount: count)
      if (try? sealer.unwrap(wrapped)) != nil { trial.opens = true }
      trials[masterVersion] = trial
    }
    let least: Int64 = try await database.read(
      "select \(unescaped: schema.name).least_master_version()"
    ).single().value(0)
    guard Int64(masterKeys.activeVersion) >= least else {
      throw Fault(
        .failedPrecondition,
        "The master key file \(file) lacks version \(least), to which the database's schema \(schema.name) was"
          + " rotated. Restore the file that belongs to this database"
      )
    }
    let held = Set(masterKeys.versions.map(Int64.init))
    let failed = trials.filter { !$0.value.opens }
    let missing = failed.keys.filter { !held.contains($0) }.sorted()
    let wrong = failed.keys.filter { held.contains($0) }.sorted()
    guard !failed.isEmpty else { return }
    let sentences =
      missing.map { version in
        "it lacks version \(version), which wraps \(keys(trials[version]))"
      }
      + wrong.map { version in
        "its version \(version) is not the key that wraps \(keys(trials[version]))"
      }
    throw Fault(
      .failedPrecondition,
      "The master key file \(file) does not fit the database's schema \(schema.name): "
        + sentences.joined(separator: "; ") + ". Restore the file that belongs to this database"
    )
  }

  private func keys(_ trial: Trial?) -> String {
    let count = trial?.dataKeyCount ?? 0
    return count == 1 ? "1 data key" : "\(count) data keys"
  }
}
