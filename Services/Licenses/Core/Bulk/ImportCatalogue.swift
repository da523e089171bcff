internal import Changes
internal import EventLoop
internal import Faults
internal import Messages
internal import Primitives
internal import ServiceKit

/// The products and policies that the rows of an import have named; what is not there is not kept, so this does not
/// grow beyond what the tenant has.
@EventLoop
final class ImportCatalogue {
  private var products: [UUID: ProductTerms] = [:]
  private var productsByCode: [String: UUID] = [:]
  private var policies: [UUID: Policy] = [:]

  /// Reads what rows name for the first time.
  func load(
    _ rows: [LicenseRow],
    _ defaults: LicenseImport.Defaults,
    _ store: LicenseStore,
    _ change: Change
  ) async throws(Fault) {
    var productIDs: Set<UUID> = []
    var codes: Set<String> = []
    var policyIDs: Set<UUID> = []
    if let id = defaults.product { productIDs.insert(id) }
    if let id = defaults.policy { policyIDs.insert(id) }
    for row in rows {
      if let id = row.productId { productIDs.insert(try UUID(checked: id)) }
      if let code = row.productCode { codes.insert(code) }
      if let id = row.policyId { policyIDs.insert(try UUID(checked: id)) }
    }
    productIDs.subtract(products.keys)
    codes.subtract(productsByCode.keys)
    policyIDs.subtract(policies.keys)
    if !productIDs.isEmpty || !codes.isEmpty {
      let found = try await store.products(
        Array(productIDs),
        codes: Array(codes),
        change,
        holds: false
      )
      for product in found {
        products[product.id] = product
        productsByCode[product.code] = product.id
      }
    }
    if !policyIDs.isEmpty {
      let found = try await store.policies(Array(policyIDs), change, holds: false)
      policies.merge(found) { _, new in new }
    }
  }

  /// The product of a row.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when nothing names it or its id and code differ;
  ///   `REFERENCE_NOT_FOUND` when it is not there.
  func product(of row: LicenseRow, _ defaults: LicenseImport.Defaults) throws(Fault) -> UUID {
    let byCode = row.productCode.map { productsByCode[$0] }
    if let byCode, byCode == nil {
      throw .referenceNotFound("Product not found: \(row.productCode ?? "")")
    }
    let named: UUID?
    if let text = row.productId {
      named = try UUID(checked: text)
    } else {
      named = byCode ?? defaults.product
    }
    guard let id = named else {
      throw Self.required("productId", "Required: in the row or in the request")
    }
    guard products[id] != nil else { throw .referenceNotFound("Product not found: \(id)") }
    if let byCode, byCode != id {
      throw Self.required("productCode", "Names another product than productId")
    }
    return id
  }

  /// Whether the keys of a product's licenses are kept.
  func storesKeys(ofProduct id: UUID) -> Bool { products[id]?.storesKeys ?? false }

  /// The policy of a row.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when nothing names it; `REFERENCE_NOT_FOUND` when it is not there.
  func policy(of row: LicenseRow, _ defaults: LicenseImport.Defaults) throws(Fault) -> (
    id: UUID, policy: Policy
  ) {
    var named = defaults.policy
    if let text = row.policyId { named = try UUID(checked: text) }
    guard let id = named else {
      throw Self.required("policyId", "Required: in the row or in the request")
    }
    guard let policy = policies[id] else { throw .referenceNotFound("Policy not found: \(id)") }
    return (id, policy)
  }

  /// Keeps all that was named from being deleted until the transaction ends.
  ///
  /// Done at the end, since whoever changes a product or policy would wait for the whole file otherwise.
  ///
  /// - Throws: ``Fault`` `REFERENCE_NOT_FOUND` when something has been deleted since it was read; `CONFLICT` when a
  ///   product has begun or ceased to store keys.
  func hold(_ store: LicenseStore, _ change: Change) async throws(Fault) {
    let products = try await store.products(Array(products.keys), change)
    let policies = try await store.policies(Array(policies.keys), change)
    guard products.count == self.products.count, policies.count == self.policies.count else {
      throw .referenceNotFound("A product or policy was deleted during the import")
    }
    guard products.allSatisfy({ storesKeys(ofProduct: $0.id) == $0.storesKeys }) else {
      throw Fault(
        .aborted,
        "storeKeys of a product was changed during the import; import again",
        reason: .conflict
      )
    }
  }

  private static func required(_ column: String, _ message: String) -> Fault {
    .invalid([Fault.Issue(path: [column], message: message, code: "invalid_type")])
  }
}
