public import Faults
public import Messages
internal import Primitives
public import RPC

extension Signing {
  /// Numbers, records and signs license files of one tenant, or says of each why it is not made.
  ///
  /// - Throws: ``Fault`` of the database, after which files may be recorded that nobody has.
  public func signLicenseFiles(
    _ request: SignLicenseFilesRequest,
    _ call: Call
  ) async throws(Fault) -> SignedLicenseFiles {
    let tenant = try Tenant(request.accountId, request.environment)
    return SignedLicenseFiles(
      outcomes: try await fileSigner.sign(request.orders, for: tenant, at: now())
    )
  }
}
