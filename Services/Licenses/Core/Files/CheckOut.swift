internal import EventLoop
internal import Faults
internal import Messages
internal import Primitives

/// For how long a license file is granted; pure rules.
///
/// Source: the REST contract, section 9, rows 23 to 26.
struct CheckOut: Equatable {
  /// Fourteen days.
  static let defaultSeconds: Int64 = 1_209_600
  /// An hour to 90 days.
  static let seconds: ClosedRange<Int64> = 3_600...7_776_000
  private static let secondsADay: Int64 = 86_400

  /// How long the file is granted for: as wished, as far as the policy goes.
  var seconds: Int64
  /// When the file ends at the latest: with the license, unless its policy keeps access open after that.
  var endsAt: Timestamp?

  /// Decides about a license as it is now.
  ///
  /// - Parameters:
  ///   - license: The license, its expiry considered.
  ///   - policy: Its policy.
  ///   - wished: How long the file is wished for, within ``seconds``; nil for ``defaultSeconds``.
  /// - Throws: ``Fault`` `LICENSE_SUSPENDED` and the like when the license is in no state to be used;
  ///   `BUSINESS_RULE_VIOLATION` when the policy admits no files.
  init(of license: License, on policy: Policy, wished: Int64?) throws(Fault) {
    let keepsAccess = policy.expirationStrategy == .allowAccess
    try license.status.requireUsable(keepsAccess: keepsAccess)
    guard policy.offlineAllowed else {
      throw .businessRule(
        "The policy does not admit license files: its offlineAllowed is false"
      )
    }
    seconds = min(wished ?? Self.defaultSeconds, Int64(policy.offlineMaxDays) * Self.secondsADay)
    endsAt = keepsAccess ? nil : license.expiresAt.map(Timestamp.init(milliseconds:))
  }
}
