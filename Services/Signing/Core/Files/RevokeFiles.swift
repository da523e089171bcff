internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Signing {
  /// How many files an answer shows; all are revoked.
  private static let filesShownMax = 1_000

  /// Revokes files of a license for good; what is expired or revoked already is left as it is.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when the request names a serial and a machine.
  public func revokeFiles(_ request: RevokeFilesRequest, _ call: Call) async throws(Fault)
    -> RevokedLicenseFiles
  {
    let tenant = try Tenant(request.accountId, request.environment)
    let license = try UUID(checked: request.licenseId)
    let now = now()
    let selection: FileStore.Selection
    switch (request.serial, request.fingerprint) {
    case (nil, nil): selection = .all
    case (let serial?, nil): selection = .serial(serial)
    case (nil, let fingerprint?): selection = .machine(SHA256.hash(fingerprint), until: now)
    case (_?, _?):
      throw .invalid([
        .init(
          path: ["serial"],
          message: "Give a serial or a fingerprint, not both",
          code: "invalid_value"
        )
      ])
    }
    let origin = Origin(
      request.actor,
      requestID: request.requestId,
      clientAddress: request.clientAddress
    )
    return try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
      self.keysets.lockOnly(change)
      let revoked = try await self.files.revoke(selection, of: license, change)
      try self.record(revoked: revoked, reason: request.reason, by: origin, change)
      return RevokedLicenseFiles(
        files: revoked.prefix(Self.filesShownMax).map(\.message),
        revokedCount: Int32(clamping: revoked.count)
      )
    }
  }
}
