internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Sealing

extension Signing {
  /// Shows the keys of the caller's environment, with how many live files each has signed.
  public func getKeyset(
    _ request: GetKeysetRequest,
    _ call: Call
  ) async throws(Fault) -> SigningKeyset {
    let tenant = try call.requireTenant()
    let keyset = try await keyset(of: tenant)
    let now = now()
    return keyset.message(at: now, liveFiles: try await files.liveCounts(tenant, at: now))
  }

  /// Changes a tenant's keyset under its lock.
  ///
  /// - Parameters:
  ///   - call: Who asks.
  ///   - action: What the audit log calls it.
  ///   - reason: What the actor gave as the reason.
  ///   - body: Decides; changes the keyset. It is given what makes a key, how many live files each key has signed, and
  ///     the moment.
  /// - Returns: The keyset as it has become.
  /// - Throws: What `body` throws.
  func changeKeyset(
    _ call: Call,
    _ action: String,
    reason: String? = nil,
    _ body: (inout StoredKeyset, () -> StoredKey, [String: Int64], Timestamp) throws(Fault) -> Void
  ) async throws(Fault) -> SigningKeyset {
    let tenant = try call.requireTenant()
    // What is made or read for the first time is committed before the change that uses it.
    _ = try await keyset(of: tenant)
    let dataKey = try await dataKeys.newest(of: tenant)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let now = change.now
      let before = try await self.keysets.lock(change)
      let liveFiles = try await self.files.liveCounts(change)
      var after = before
      let make = { PrivateKeys.make(for: tenant, activatesAt: nil, sealedBy: dataKey, at: now) }
      try body(&after, make, liveFiles, now)
      after.eraseSeeds(at: now)
      let old = Dictionary(uniqueKeysWithValues: before.keys.map { ($0.id, $0) })
      let changed = after.keys.filter { old[$0.id] != $0 }
      self.keysets.save(changed, change)
      for key in changed {
        let earlier = old[key.id]?.message(at: now)
        let later = key.message(at: now, liveFiles: liveFiles[key.publicKey.id] ?? 0)
        // The seed is not shown, so a key of which only that was erased has not changed to anybody.
        guard earlier != later || earlier == nil else { continue }
        try change.record(
          earlier == nil ? "signingKey.create" : action,
          key.id,
          before: earlier,
          after: later,
          reason: reason
        )
      }
      return after.message(at: now, liveFiles: liveFiles)
    }
  }
}

extension StoredKeyset {
  /// The keyset as REST shows it.
  func message(at now: Timestamp, liveFiles: [String: Int64]) -> SigningKeyset {
    SigningKeyset(
      keys: keys.map { key in
        key.message(
          at: now,
          liveFiles: liveFiles[key.publicKey.id] ?? 0,
          inSuccession: isInSuccession(key)
        )
      },
      root: root.map { root in
        SigningKeyset.Root(
          keyId: root.publicKey.id,
          publicKey: root.publicKey.text,
          createdAt: root.createdAt.milliseconds,
          successionNumber: succession?.number
        )
      }
    )
  }
}
