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
    let now = now()
    let license = try await licenses.get(tenant, id: try UUID(checked: request.id), at: now)
    guard let license else { throw .notFound("License not found: \(request.id)") }
    return try await withMachines(license, tenant, at: now)
  }

  /// How many machines the answer about one license shows: the newest ones; the list has them all.
  private static let machinesShownMax: Int32 = 1_000

  /// A license with its active machines, the newest first.
  func withMachines(_ license: License, _ tenant: Tenant, at now: Timestamp) async throws(Fault)
    -> License
  {
    guard license.machineCount > 0 else { return license }
    // A page reads one row more than it shows.
    let page = try Page(cursor: nil, limit: Self.machinesShownMax - 1)
    var license = license
    let filter = MachineStore.Filter(license: try UUID(checked: license.id))
    license.machines = try await machines.list(tenant, filter, page, at: now)
    return license
  }
}
