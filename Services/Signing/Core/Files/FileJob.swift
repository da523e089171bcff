internal import Faults
internal import LatchkeyOffline
internal import Messages
internal import Primitives
internal import ServiceKit

/// One license file that is to be made: an order that was read and that can be carried out.
///
/// An object, as a copy would count a reference for each of a dozen texts.
final class FileJob: Sendable {
  let order: LicenseFileOrder
  let license: UUID
  let product: UUID
  let machine: UUID?
  let payload: LicenseFilePayload

  /// Reads an order.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when no file is made of the license as it is: `LICENSE_EXPIRED` when the file
  ///   would end at once, `BUSINESS_RULE_VIOLATION` when the license says what no file may say.
  init(_ order: LicenseFileOrder, at now: Timestamp) throws(Fault) {
    if let last = order.endsAt, last <= now.milliseconds {
      throw Fault(.failedPrecondition, "The license is expired", reason: .licenseExpired)
    }
    self.order = order
    license = try UUID(checked: order.licenseId)
    product = try UUID(checked: order.productId)
    machine = try order.machineId.map { (id) throws(Fault) in try UUID(checked: id) }
    payload = try LicenseFilePayload(license: order.license, policy: order.policy)
  }

  /// When a file that is made now ends: after the time it is granted for, or with the license.
  ///
  /// Source: the REST contract, section 9, row 24.
  func end(at now: Timestamp) -> Timestamp {
    let granted = now + .seconds(Int64(order.ttlSeconds))
    guard let last = order.endsAt.map(Timestamp.init(milliseconds:)) else { return granted }
    return min(granted, max(last, now))
  }
}
