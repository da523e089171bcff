internal import Faults
internal import Messages
internal import Primitives
internal import ServiceKit

/// One license file that is to be made; each is its own.
final class FileJob: Hashable, Sendable {
  let tenant: Tenant
  let license: UUID
  let product: UUID
  let machine: UUID?
  let request: SignLicenseFileRequest

  init(_ request: SignLicenseFileRequest) throws(Fault) {
    tenant = try Tenant(request.accountId, request.environment)
    license = try UUID(checked: request.licenseId)
    product = try UUID(checked: request.productId)
    machine = try request.machineId.map { (id) throws(Fault) in try UUID(checked: id) }
    self.request = request
  }

  /// When a file that is made now ends: after the time it is granted for, or with the license.
  ///
  /// Source: the REST contract, section 9, row 24.
  func end(at now: Timestamp) -> Timestamp {
    let granted = now + .seconds(Int64(request.ttlSeconds))
    guard let last = request.endsAt.map(Timestamp.init(milliseconds:)) else { return granted }
    return min(granted, max(last, now))
  }

  static func == (left: FileJob, right: FileJob) -> Bool { left === right }

  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
