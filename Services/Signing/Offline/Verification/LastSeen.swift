public import Primitives

/// What a verifier has seen before, so that nobody gains by turning back the clock or putting an old file in its place.
///
/// The caller keeps it, and replaces it by ``Outcome/lastSeen`` after each file that is valid. What is nil is not
/// checked.
public struct LastSeen: Sendable, Equatable {
  /// The latest time.
  public var time: Timestamp?
  /// The largest serial of a file for this license and machine.
  public var serial: Int64?
  /// The largest number of a list of revoked serials.
  public var revocationsNumber: Int64?
  /// The largest number of a root's statement; checked where ``TrustedKeys`` are made.
  public var successionNumber: Int64?

  /// Makes a record of what was seen.
  public init(
    time: Timestamp? = nil,
    serial: Int64? = nil,
    revocationsNumber: Int64? = nil,
    successionNumber: Int64? = nil
  ) {
    self.time = time
    self.serial = serial
    self.revocationsNumber = revocationsNumber
    self.successionNumber = successionNumber
  }
}
