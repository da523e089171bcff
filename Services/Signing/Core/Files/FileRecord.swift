internal import Cryptography
internal import Messages
internal import Primitives

/// What is kept of a license file.
struct FileRecord: Equatable, Sendable {
  var id: UUID
  var serial: Int64
  var license: UUID
  var machine: UUID?
  /// SHA-256 of the fingerprint.
  var fingerprintHash: [UInt8]
  var keyID: String
  var issuedAt: Timestamp
  var expiresAt: Timestamp
  var revokedAt: Timestamp?

  /// How long the file was granted for.
  var ttlSeconds: Int64 { (expiresAt.milliseconds - issuedAt.milliseconds) / 1_000 }

  /// The file as REST shows it.
  var message: IssuedFile {
    IssuedFile(
      id: id.description,
      serial: serial,
      licenseId: license.description,
      machineId: machine?.description,
      fingerprintHash: Hex.encode(fingerprintHash),
      keyId: keyID,
      issuedAt: issuedAt.milliseconds,
      expiresAt: expiresAt.milliseconds,
      revokedAt: revokedAt?.milliseconds
    )
  }
}

extension FileRecord {
  /// Records a file that is made now.
  init(_ job: FileJob, serial: Int64, keyID: String, at now: Timestamp) {
    self.init(
      id: .v7(at: now),
      serial: serial,
      license: job.license,
      machine: job.machine,
      fingerprintHash: SHA256.hash(job.order.fingerprint),
      keyID: keyID,
      issuedAt: now,
      expiresAt: job.end(at: now)
    )
  }
}
