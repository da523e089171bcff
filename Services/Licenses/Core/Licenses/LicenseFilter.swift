internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// Which licenses a list or an export is about; all conditions hold together.
struct LicenseFilter: Sendable {
  var status: License.Status?
  var product: UUID?
  var policy: UUID?
  var userEmail: String?
  var metadata: (name: String, value: String)?
  /// No id below this one: the moment that creation begins at, as ids tell it.
  var from: UUID?
  /// No id at or above this one.
  var below: UUID?

  /// Reads the filters of a list.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when of the name and the value of metadata one is missing.
  init(_ request: ListLicensesRequest) throws(Fault) {
    status = request.status
    userEmail = request.userEmail
    try set(product: request.productId, policy: request.policyId)
    try set(metadata: request.metadataKey, request.metadataValue)
    set(createdAfter: request.createdAfter, before: request.createdBefore)
  }

  /// Reads the filters of an export, which are those of the list.
  ///
  /// - Throws: ``Fault`` as for the list.
  init(_ request: ExportLicensesRequest) throws(Fault) {
    status = request.status
    userEmail = request.userEmail
    try set(product: request.productId, policy: request.policyId)
    try set(metadata: request.metadataKey, request.metadataValue)
    set(createdAfter: request.createdAfter, before: request.createdBefore)
  }

  private mutating func set(product: String?, policy: String?) throws(Fault) {
    if let product { self.product = try UUID(checked: product) }
    if let policy { self.policy = try UUID(checked: policy) }
  }

  private mutating func set(metadata name: String?, _ value: String?) throws(Fault) {
    switch (name, value) {
    case (nil, nil): return
    case (let name?, let value?): metadata = (name, value)
    default:
      throw .invalid([
        Fault.Issue(
          path: [name == nil ? "metadataKey" : "metadataValue"],
          message: "Required: metadataKey and metadataValue are given together",
          code: "invalid_type"
        )
      ])
    }
  }

  private mutating func set(createdAfter: Int64?, before: Int64?) {
    from = createdAfter.map { .lowest7(at: Timestamp(milliseconds: $0)) }
    below = before.map { .lowest7(at: Timestamp(milliseconds: $0)) }
  }
}
