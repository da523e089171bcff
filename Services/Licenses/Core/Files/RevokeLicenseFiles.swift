internal import Changes
internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Revokes files of a license, in whatever state it is; they are on the published list when this is answered.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `unavailable` when the signing service cannot be
  ///   reached.
  public func revokeLicenseFiles(
    _ request: RevokeLicenseFilesRequest,
    _ call: Call
  ) async throws(Fault) -> RevokedLicenseFiles {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard try await licenses.lock(id, change) != nil else {
        throw .notFound("License not found: \(request.id)")
      }
      return try await files.revoke(request, for: tenant, by: Origin(call))
    }
  }
}
