internal import Faults
internal import Messages
internal import Primitives

/// What a vendor's decisions make of a license; pure rules.
///
/// Source: the REST contract, section 3.2.
extension License {
  /// The license, suspended.
  ///
  /// - Throws: ``Fault`` `CONFLICT` unless it is active.
  func suspended(at now: Timestamp) throws(Fault) -> License {
    guard status == .active else { throw conflict(with: "suspended") }
    var license = self
    license.status = .suspended
    license.suspendedAt = now.milliseconds
    license.updatedAt = now.milliseconds
    return license
  }

  private func conflict(with action: String) -> Fault {
    Fault(
      .aborted,
      "A license that is \(status.wireName) cannot be \(action)",
      reason: .conflict
    )
  }
}
