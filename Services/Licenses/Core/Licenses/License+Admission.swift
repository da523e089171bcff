internal import Faults
internal import Messages
internal import ServiceKit

extension License.Status {
  /// Refuses what only a license in good standing admits; an expired one is, where its policy allows access.
  ///
  /// Source: the REST contract, section 9, rows 7 and 50.
  ///
  /// - Throws: ``Fault`` `LICENSE_SUSPENDED`, `LICENSE_EXPIRED`, `LICENSE_REVOKED` or `LICENSE_BANNED`.
  func requireUsable(keepsAccess: Bool) throws(Fault) {
    let reason: Fault.Reason? =
      switch self {
      case .active: nil
      case .expired: keepsAccess ? nil : .licenseExpired
      case .suspended: .licenseSuspended
      case .revoked: .licenseRevoked
      case .banned: .licenseBanned
      }
    guard let reason else { return }
    throw Fault(.failedPrecondition, "The license is \(wireName)", reason: reason)
  }
}
