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
  /// - Throws: ``Fault`` `notFound` when no file was ever made of the license.
  public func revokeLicenseFiles(
    _ request: RevokeLicenseFilesRequest,
    _ call: Call
  ) async throws(Fault) -> RevokeLicenseFilesResponse {
    let tenant = try call.requireTenant()
    let license = try UUID(checked: request.licenseId)
    let now = now()
    let selection: FileStore.Selection
    switch (request.serial, request.fingerprint) {
    case (nil, nil): selection = .all
    case (let serial?, nil): selection = .serial(serial)
    case (nil, let fingerprint?):
      selection = .machine(SHA256.hash(fingerprint), until: now)
    case (_?, _?):
      throw .invalid([
        .init(
          path: ["serial"],
          message: "Give a serial or a fingerprint, not both",
          code: "invalid_value"
        )
      ])
    }
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      self.keysets.lockOnly(change)
      let revoked = try await self.files.revoke(selection, of: license, change)
      if revoked.isEmpty, try await !self.files.hasFiles(license, change) {
        throw .notFound("No license file was made of the license \(license)")
      }
      try self.record(revoked: revoked, reason: request.reason, change)
      return RevokeLicenseFilesResponse(
        files: revoked.prefix(Self.filesShownMax).map(\.message),
        revokedCount: Int32(clamping: revoked.count)
      )
    }
  }
}
