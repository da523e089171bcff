internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// What validations add to that nobody is held to by a limit: uses of licenses without one, and the counts of good
/// and bad validations.
///
/// Gathered in memory and written once a second, so that a validation writes nothing.
@EventLoop
final class ValidationTally {
  /// What was gathered of one tenant.
  struct Counts: Sendable {
    /// Uses by license.
    var uses: [UUID: Int64] = [:]
    /// Validations by the beginning of their day, UTC.
    var days: [Timestamp: (successful: Int64, failed: Int64)] = [:]
  }

  private let licenses: LicenseStore
  private var gathered: [Tenant: Counts] = [:]
  /// What is being written.
  private var leaving: [Tenant: Counts] = [:]

  private static let dayMilliseconds: Int64 = 24 * 60 * 60 * 1_000

  init(licenses: LicenseStore) { self.licenses = licenses }

  /// Counts a validation.
  func count(_ verdict: Verdict, for tenant: Tenant, at now: Timestamp) {
    let day = Timestamp(
      milliseconds: now.milliseconds - now.milliseconds % Self.dayMilliseconds
    )
    if verdict.isValid {
      gathered[tenant, default: Counts()].days[day, default: (0, 0)].successful += 1
    } else {
      gathered[tenant, default: Counts()].days[day, default: (0, 0)].failed += 1
    }
  }

  /// Counts a use of a license without a limit.
  ///
  /// - Returns: How many of the license are not in its row yet, this one included.
  func countUse(of license: UUID, for tenant: Tenant) -> Int64 {
    Self.add(1, to: &gathered[tenant, default: Counts()].uses[license, default: 0])
      + (leaving[tenant]?.uses[license] ?? 0)
  }

  private static func add(_ count: Int64, to sum: inout Int64) -> Int64 {
    sum += count
    return sum
  }

  /// How many uses of a license are not in its row yet.
  func unwrittenUses(of license: UUID, for tenant: Tenant) -> Int64 {
    (gathered[tenant]?.uses[license] ?? 0) + (leaving[tenant]?.uses[license] ?? 0)
  }

  /// Writes what was gathered.
  ///
  /// What could not be written is kept for the next time. When the connection broke it is not known whether it was;
  /// then it may be counted twice, which no limit depends on.
  ///
  /// - Throws: ``Fault`` of the database; the first, where several tenants' could not be written.
  func flush() async throws(Fault) {
    // One that is under way has its own to write; what comes meanwhile waits for the next.
    guard leaving.isEmpty else { return }
    leaving = gathered
    gathered = [:]
    let licenses = licenses
    let counts = leaving
    let outcomes = await forEachTenant(Array(counts.keys), \.self) {
      (tenant, _) async throws(Fault) -> [Tenant: Bool] in
      try await licenses.add(counts[tenant] ?? Counts(), for: tenant)
      return [tenant: true]
    }
    leaving = [:]
    var first: Fault?
    for (tenant, outcome) in outcomes {
      guard case .failure(let fault) = outcome else { continue }
      gathered[tenant, default: Counts()].merge(counts[tenant] ?? Counts())
      first = first ?? fault
    }
    if let first { throw first }
  }
}

extension ValidationTally.Counts {
  /// Adds what another has.
  fileprivate mutating func merge(_ other: Self) {
    uses.merge(other.uses) { $0 + $1 }
    days.merge(other.days) { ($0.successful + $1.successful, $0.failed + $1.failed) }
  }
}
