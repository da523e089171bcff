public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Lists the files that were made of a license, as the signing service knows them.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license; `unavailable` when the signing service cannot be
  ///   reached.
  public func listLicenseFiles(
    _ request: ListLicenseFilesRequest,
    _ call: Call
  ) async throws(Fault) -> LicenseFiles {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    guard try await licenses.get(tenant, id: id, at: now()) != nil else {
      throw .notFound("License not found: \(request.id)")
    }
    return try await files.list(request, for: tenant)
  }
}
