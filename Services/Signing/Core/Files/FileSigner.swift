internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import LatchkeyOffline
internal import Messages
internal import Primitives
internal import Sealing

/// Makes license files: numbers them, records them, and only then signs them.
///
/// Those that one call asks for are one transaction, since each transaction waits for the disk and for the tenant's row
/// with the latest serial.
@EventLoop
final class FileSigner {
  /// How long after its end a file is still listed: longer than the longest one is granted for.
  nonisolated static let retention = Duration.seconds(400 * 24 * 60 * 60)

  /// How often old files of a tenant are looked for, and how many go at once: 1,440,000 a day.
  private static let forgettingInterval = Duration.seconds(60)
  private static let forgottenMax = 1_000
  private static let tenantsMax = 10_000

  /// When old files of a tenant were looked for last.
  private var forgottenAt: [Tenant: Timestamp] = [:]
  private let keysets: KeysetStore
  private let files: FileStore
  private let dataKeys: DataKeyStore
  private let privateKeys: PrivateKeys
  private let changes: Changes

  init(
    keysets: KeysetStore,
    files: FileStore,
    dataKeys: DataKeyStore,
    privateKeys: PrivateKeys,
    changes: Changes
  ) {
    self.keysets = keysets
    self.files = files
    self.dataKeys = dataKeys
    self.privateKeys = privateKeys
    self.changes = changes
  }

  /// What is recorded of files, and what signs them.
  private struct Recorded {
    var key: StoredKey.Sealed
    var files: [(record: FileRecord, message: IssuedFile)]
  }

  /// Makes the files of one tenant.
  ///
  /// - Parameters:
  ///   - orders: What is to be made.
  ///   - tenant: Whose.
  ///   - now: The moment.
  /// - Returns: What became of each order.
  /// - Throws: ``Fault`` of the database; then nothing is signed, and where that is known nothing is recorded.
  func sign(
    _ orders: [LicenseFileOrder],
    for tenant: Tenant,
    at now: Timestamp
  ) async throws(Fault) -> [SignedLicenseFiles.Outcome] {
    var jobs: [FileJob] = []
    jobs.reserveCapacity(orders.count)
    var outcomes = [SignedLicenseFiles.Outcome](repeating: .init(), count: orders.count)
    for (index, order) in orders.enumerated() {
      do throws(Fault) {
        jobs.append(try FileJob(order, at: now))
      } catch {
        try outcomes[index].refuse(error)
      }
    }
    guard !jobs.isEmpty else { return outcomes }
    let recorded = try await record(jobs, for: tenant)
    let key = try await privateKeys.open(recorded.key, of: tenant)
    var made = zip(jobs, recorded.files).makeIterator()
    for index in outcomes.indices where outcomes[index].refusal == nil {
      guard let (job, file) = made.next() else { break }
      do throws(Fault) {
        let text = try Self.certificate(job, file.record, of: tenant, signedBy: key)
        outcomes[index].signed = SignedLicenseFile(certificate: text, file: file.message)
      } catch {
        try outcomes[index].refuse(error)
      }
    }
    return outcomes
  }

  /// Records files, committed when this returns.
  private func record(_ jobs: [FileJob], for tenant: Tenant) async throws(Fault) -> Recorded {
    if let recorded = try await tryRecord(jobs, for: tenant) { return recorded }
    try await keysets.make(for: tenant, sealedBy: dataKeys.newest(of: tenant), changes)
    guard let recorded = try await tryRecord(jobs, for: tenant) else {
      throw .internalError("A keyset that was made is not there")
    }
    return recorded
  }

  /// - Returns: Nil when the tenant has no keyset yet.
  private func tryRecord(_ jobs: [FileJob], for tenant: Tenant) async throws(Fault) -> Recorded? {
    try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
      guard let (last, key) = try await self.files.takeSerials(jobs.count, change) else {
        return nil
      }
      var serial = last - Int64(jobs.count)
      let files = jobs.map { job in
        serial += 1
        let record = FileRecord(job, serial: serial, keyID: key.keyID, at: change.now)
        return (record: record, message: record.message)
      }
      self.files.insert(files.map(\.record), change)
      self.forgetOld(change)
      for (job, file) in zip(jobs, files) {
        try change.record(
          "licenseFile.issue",
          file.record.id,
          before: nil,
          after: file.message,
          by: Origin(
            job.order.actor,
            requestID: job.order.requestId,
            clientAddress: job.order.clientAddress
          )
        )
      }
      return Recorded(key: key, files: files)
    }
  }

  /// Has files go with this change that ended long ago, if it is time again; the keyset is locked.
  private func forgetOld(_ change: Change) {
    let now = change.now
    if let last = forgottenAt[change.tenant], now < last + Self.forgettingInterval { return }
    if forgottenAt.count >= Self.tenantsMax { forgottenAt.removeAll() }
    forgottenAt[change.tenant] = now
    files.forget(endedBefore: now - Self.retention, max: Self.forgottenMax, change)
  }

  /// The text of a file that is on record.
  private static func certificate(
    _ job: FileJob,
    _ file: FileRecord,
    of tenant: Tenant,
    signedBy key: Ed25519PrivateKey
  ) throws(Fault) -> String {
    let order = job.order
    let header = LicenseFileHeader(
      keyID: file.keyID,
      accountID: tenant.accountID,
      environment: tenant.environment,
      serial: file.serial,
      licenseID: job.license,
      productID: job.product,
      fingerprint: order.fingerprint,
      entitlements: order.entitlements,
      maxMachines: order.maxMachines,
      licenseExpiresAt: order.licenseExpiresAt.map(Timestamp.init(milliseconds:)),
      issuedAt: file.issuedAt,
      notBefore: file.issuedAt,
      expiresAt: file.expiresAt,
      ttlSeconds: file.ttlSeconds
    )
    // Its key is not wiped: all that it ever seals lies beside it.
    let document = try LicenseFile.unsigned(
      header,
      payload: job.payload,
      sealedBy: order.payloadKey
    )
    return document.signed(by: key.sign(document.bytesToSign)).text
  }
}

extension SignedLicenseFiles.Outcome {
  /// Says why there is no file; the license may become one that has.
  ///
  /// - Throws: What is no word about the license.
  fileprivate mutating func refuse(_ fault: Fault) throws(Fault) {
    guard fault.code == .failedPrecondition else { throw fault }
    refusal = SignedLicenseFiles.Refusal(message: fault.message, reason: fault.reason?.rawValue)
  }
}
