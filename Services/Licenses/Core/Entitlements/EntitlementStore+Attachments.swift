internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// What has entitlements, by its table.
enum EntitlementHolder: String {
  case policy = "licenses.policies"
  case license = "licenses.licenses"

  /// The check that bounds how many it has.
  fileprivate var bound: String {
    switch self {
    case .policy: "policies_entitlement_ids_check"
    case .license: "licenses_entitlement_ids_check"
    }
  }
}

/// What becomes of the entitlements that a request names.
enum Attachment {
  case attach
  case detach

  /// What the audit log calls it.
  var verb: String {
    switch self {
    case .attach: "attach_entitlements"
    case .detach: "detach_entitlements"
    }
  }
}

extension EntitlementStore {
  /// How many entitlements a policy has at most, and how many a license has of its own; the tables' checks have
  /// the same number.
  static let attachedMax = 100

  /// Finds the entitlements that a request names.
  ///
  /// - Returns: Their ids.
  /// - Throws: ``Fault`` `invalidArgument` when it names none; `REFERENCE_NOT_FOUND` with those that the tenant
  ///   does not have.
  @EventLoop
  func find(_ request: AttachmentRequest, _ change: Change) async throws(Fault) -> [UUID] {
    guard !request.entitlementIds.isEmpty || !request.entitlementCodes.isEmpty else {
      throw .invalid([
        Fault.Issue(
          path: ["entitlementIds"],
          message: "Must name an entitlement; or name it in entitlementCodes",
          code: "too_small"
        )
      ])
    }
    var wanted: [UUID] = []
    for id in request.entitlementIds { wanted.append(try UUID(checked: id)) }
    let rows = try await change.transaction.query(
      """
      select id, code from licenses.entitlements
      where (id = any (\(wanted)) or code = any (\(request.entitlementCodes)))
        and deleted_at is null
      """
    )
    var ids: Set<UUID> = []
    var codes: Set<String> = []
    for row in rows {
      ids.insert(try row.value(0))
      codes.insert(try row.value(1))
    }
    let missing =
      wanted.filter { !ids.contains($0) }.map(\.description)
      + request.entitlementCodes.filter { !codes.contains($0) }
    guard missing.isEmpty else {
      throw .referenceNotFound("Entitlements not found: " + missing.joined(separator: ", "))
    }
    return Array(ids)
  }

  /// Gives a locked holder entitlements that it may have already, or takes from it what it need not have; deleted
  /// ones go in passing.
  ///
  /// - Returns: False when it had just these before.
  /// - Throws: ``Fault`` `BUSINESS_RULE_VIOLATION` when it would have too many.
  @EventLoop
  func apply(
    _ attachment: Attachment,
    _ named: [UUID],
    to holder: EntitlementHolder,
    _ id: UUID,
    _ change: Change
  ) async throws(Fault) -> Bool {
    let added = attachment == .attach ? named : []
    let removed = attachment == .detach ? named : []
    do throws(Fault) {
      return try await change.transaction.query(
        """
        update \(unescaped: holder.rawValue) h
        set entitlement_ids = n.ids, updated_at = \(change.now)
        from (
          select array (
            select e.id from licenses.entitlements e
            where e.id = any (o.entitlement_ids || \(added)) and e.id <> all (\(removed))
              and e.deleted_at is null
            order by e.id) as ids
          from \(unescaped: holder.rawValue) o where o.id = \(id)
        ) n
        where h.id = \(id) and h.entitlement_ids <> n.ids
        """
      ).affectedCount == 1
    } catch {
      guard let failure = error.serverError, failure.state == .checkViolation,
        failure.constraint == holder.bound
      else { throw error }
      throw .businessRule("No more than \(Self.attachedMax) entitlements can be attached")
    }
  }
}
