public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Shows one license with its policy and machines.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such license.
  public func getLicense(_ request: GetLicenseRequest, _ call: Call) async throws(Fault) -> License
  {
    let tenant = try call.requireTenant()
    let license = try await licenses.get(tenant, id: try UUID(checked: request.id), at: now())
    guard let license else { throw .notFound("License not found: \(request.id)") }
    return license
  }
}
