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
/// Those of one tenant that are asked for at the same moment are one transaction, since each transaction waits for
/// the disk and for the tenant's row with the latest serial.
@EventLoop
final class FileSigner {
  /// How long after its end a file is still listed: longer than the longest one is granted for.
  nonisolated static let retention = Duration.seconds(400 * 24 * 60 * 60)

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

  /// Makes the files of one tenant.
  ///
  /// - Returns: What became of each.
  /// - Throws: ``Fault`` of the database; then nothing is signed, and where that is known nothing is recorded.
  func sign(
    _ jobs: [FileJob],
    for tenant: Tenant
  ) async throws(Fault) -> [FileJob: Result<SignedLicenseFile, Fault>] {
    let recorded = try await record(jobs, for: tenant)
    let key = try await privateKeys.open(recorded.key, of: tenant)
    var answers: [FileJob: Result<SignedLicenseFile, Fault>] = [:]
    answers.reserveCapacity(jobs.count)
    for (job, file) in zip(jobs, recorded.files) {
      answers[job] = Self.sign(job, file, with: key)
    }
    return answers
  }

  /// Records files, committed when this returns.
  private func record(
    _ jobs: [FileJob],
    for tenant: Tenant
  ) async throws(Fault) -> (key: StoredKey, files: [FileRecord]) {
    if let recorded = try await tryRecord(jobs, for: tenant) { return recorded }
    try await keysets.make(for: tenant, sealedBy: dataKeys.newest(of: tenant), changes)
    guard let recorded = try await tryRecord(jobs, for: tenant) else {
      throw .internalError("A keyset that was made is not there")
    }
    return recorded
  }

  /// - Returns: Nil when the tenant has no keyset yet.
  private func tryRecord(
    _ jobs: [FileJob],
    for tenant: Tenant
  ) async throws(Fault) -> (key: StoredKey, files: [FileRecord])? {
    try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
      guard let (last, key) = try await self.files.takeSerials(jobs.count, change) else {
        return nil
      }
      let first = last - Int64(jobs.count) + 1
      let keyID = key.publicKey.id
      let records = jobs.enumerated().map { index, job in
        FileRecord(job, serial: first + Int64(index), keyID: keyID, at: change.now)
      }
      self.files.insert(records, change)
      // Two go for each that comes, so that what has piled up goes as well, and no more than that is locked.
      self.files.forget(
        endedBefore: change.now - Self.retention,
        max: 2 * records.count,
        change
      )
      for (job, record) in zip(jobs, records) {
        let request = job.request
        try change.record(
          "licenseFile.issue",
          record.id,
          before: nil,
          after: record.message,
          by: Origin(
            request.actor,
            requestID: request.requestId,
            clientAddress: request.clientAddress
          )
        )
      }
      return (key, records)
    }
  }

  private static func sign(
    _ job: FileJob,
    _ file: FileRecord,
    with key: Ed25519PrivateKey
  ) -> Result<SignedLicenseFile, Fault> {
    let request = job.request
    let header = LicenseFileHeader(
      keyID: file.keyID,
      accountID: job.tenant.accountID,
      environment: job.tenant.environment,
      serial: file.serial,
      licenseID: job.license,
      productID: job.product,
      fingerprint: request.fingerprint,
      entitlements: request.entitlements,
      maxMachines: request.maxMachines,
      licenseExpiresAt: request.licenseExpiresAt.map(Timestamp.init(milliseconds:)),
      issuedAt: file.issuedAt,
      notBefore: file.issuedAt,
      expiresAt: file.expiresAt,
      ttlSeconds: file.ttlSeconds
    )
    var payloadKey = request.payloadKey
    defer { wipe(&payloadKey) }
    do throws(Fault) {
      let document = try LicenseFile.unsigned(
        header,
        payload: LicenseFilePayload(license: request.license, policy: request.policy),
        sealedBy: payloadKey
      )
      let signed = document.signed(by: key.sign(document.bytesToSign))
      return .success(SignedLicenseFile(certificate: signed.text, file: file.message))
    } catch {
      return .failure(error)
    }
  }
}
