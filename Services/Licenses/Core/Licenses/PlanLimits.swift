internal import Changes
internal import EventLoop
internal import Faults
internal import Postgres
internal import Primitives

/// How much an account may have in each of its environments; nil means any number.
///
/// Source: the REST contract, section 3.6. Only creation is ever refused.
public struct PlanLimits: Sendable, Equatable {
  /// Licenses that are active at a time.
  public var licensesMax: Int?
  /// Products.
  public var productsMax: Int?

  /// What a limit can be: additions count up to it, so it stays countable.
  static let bounds = 1...10_000_000

  /// Says how much an account may have.
  public init(licensesMax: Int? = nil, productsMax: Int? = nil) {
    self.licensesMax = licensesMax
    self.productsMax = productsMax
  }

  /// No limits.
  public static let none = PlanLimits()

  /// Why a creation is refused.
  ///
  /// - Parameters:
  ///   - resource: What is limited, in the plural.
  ///   - max: How many there may be.
  ///   - current: How many there were before.
  /// - Returns: ``Fault`` `PLAN_LIMIT_EXCEEDED`.
  static func refusal(of resource: String, max: Int, current: Int) -> Fault {
    Fault(
      .failedPrecondition,
      "The plan admits \(max) \(resource) in each environment",
      reason: .planLimitExceeded,
      facts: [Fault.Fact("max", Int64(max)), Fault.Fact("current", Int64(current))]
    )
  }
}

extension LicenseStore {
  /// Refuses a change that has added licenses beyond the plan's limit.
  ///
  /// Called when they are written. Where there is a limit, additions are counted one after the other, each
  /// seeing what those before it have committed, so that the limit holds under races.
  ///
  /// - Parameters:
  ///   - limits: The plan.
  ///   - added: How many active licenses the change has added.
  ///   - change: The change.
  /// - Throws: ``Fault`` `PLAN_LIMIT_EXCEEDED`.
  @EventLoop
  func keep(_ limits: PlanLimits, adding added: Int, _ change: Change) async throws(Fault) {
    guard let max = limits.licensesMax, added > 0 else { return }
    lineUp("licenses", change)
    let row = try await change.transaction.query(
      """
      select count(*) from (
        select from licenses.licenses l
        where l.status = 'active' and l.deleted_at is null
          and (l.expires_at is null or l.expires_at > \(change.now))
        limit \(Int64(max) + Int64(added))) counted
      """
    ).single()
    let count: Int = try row.value(0)
    guard count <= max else {
      throw PlanLimits.refusal(of: "active licenses", max: max, current: count - added)
    }
  }
}

extension ProductStore {
  /// Refuses a change that has added a product beyond the plan's limit, as ``LicenseStore/keep(_:adding:_:)`` does
  /// for licenses.
  @EventLoop
  func keep(_ limits: PlanLimits, _ change: Change) async throws(Fault) {
    guard let max = limits.productsMax else { return }
    lineUp("products", change)
    let row = try await change.transaction.query(
      "select count(*) from licenses.products where deleted_at is null"
    ).single()
    let count: Int = try row.value(0)
    guard count <= max else {
      throw PlanLimits.refusal(of: "products", max: max, current: count - 1)
    }
  }
}

/// Has a change wait until the others of its tenant that add to the same resource are over.
///
/// Sent as a statement of its own: what comes behind it sees what those have committed.
@EventLoop
private func lineUp(_ resource: String, _ change: Change) {
  let tenant = change.tenant
  let place = "plan limit \(resource) \(tenant.accountID) \(tenant.environment.rawValue)"
  change.transaction.send("select pg_advisory_xact_lock(hashtextextended(\(place), 0))")
}
