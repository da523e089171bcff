internal import Changes
internal import Cryptography
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import Protobuf
internal import RPC
internal import Sealing
internal import ServiceKit

extension Licenses {
  /// Issues licenses in one change, all or none: one or a thousand take as many statements.
  ///
  /// - Parameters:
  ///   - requests: The licenses, in the order in which they are answered.
  ///   - call: Who asks.
  ///   - list: The field of the call that they are listed in, for the path of issues; nil when there is one alone.
  ///   - kept: How the answer is kept for an `Idempotency-Key`: without the keys.
  ///   - answer: Makes the answer of the licenses with their keys.
  /// - Returns: The answer.
  /// - Throws: ``Fault`` `invalidArgument` with every issue; `REFERENCE_NOT_FOUND` when the tenant has no such
  ///   product, policy or entitlement; `BUSINESS_RULE_VIOLATION` when a policy does not admit what is asked
  ///   for; `PLAN_LIMIT_EXCEEDED`.
  func issue<Answer: ContractMessage>(
    _ requests: [CreateLicenseRequest],
    _ call: Call,
    inList list: String? = nil,
    keeping kept: KeptAnswer<Answer>,
    _ answer: ([License]) throws(Fault) -> Answer
  ) async throws(Fault) -> Answer {
    let tenant = try call.requireTenant()
    func place(_ index: Int) -> [String] { list.map { [$0, String(index)] } ?? [] }
    // An account's first data key is committed before the change that seals with it, and on another connection.
    let dataKey = try await dataKeys.newest(of: tenant)
    return try await changes.make(call, for: tenant, keeping: kept) {
      (change) async throws(Fault) in
      let issues = requests.enumerated().compactMap { index, request in
        Fault.Issue.ofExpiry(request.expiresAt, at: change.now, path: place(index) + ["expiresAt"])
      }
      guard issues.isEmpty else { throw .invalid(issues) }
      var new: [NewLicense] = []
      var answers: [License] = []
      let terms = try await self.terms(of: requests, change)
      for (index, request) in requests.enumerated() {
        do throws(Fault) {
          let (license, key) = try terms.license(request, sealedBy: dataKey, at: change.now)
          try change.record(
            "license.create",
            license.id,
            before: nil,
            after: license.license
          )
          new.append(license)
          var answer = license.license
          answer.key = key.text
          answer.policy = nil
          answers.append(answer)
        } catch {
          throw error.placed(at: place(index))
        }
      }
      try await self.add(new, change)
      return try answer(answers)
    }
  }

  /// Writes new licenses with all that belongs to them.
  private func add(_ new: [NewLicense], _ change: Change) async throws(Fault) {
    let hashes = new.map(\.secrets.keyHash)
    let claimed = try await licenses.claim(hashes, for: new.map(\.id), change)
    guard claimed.count == new.count else {
      // 80 random bits met a key that exists: once in a lifetime, and never twice.
      throw Fault(.aborted, "A new key exists already; try again")
    }
    try await storingMetadata { () async throws(Fault) in
      try await self.licenses.insert(new, change)
    }
    customers.remember(new.compactMap(\.license.holder), change)
    let counts = Dictionary(new.map { ($0.product, 1 as Int64) }, uniquingKeysWith: +)
    licenses.count(counts, change)
    try await licenses.keep(limits, adding: new.count, change)
  }

  /// Reads what the requests refer to.
  private func terms(
    of requests: [CreateLicenseRequest],
    _ change: Change
  ) async throws(Fault) -> IssuingTerms {
    var products: Set<UUID> = []
    var policies: Set<UUID> = []
    var entitlements: Set<UUID> = []
    for request in requests {
      products.insert(try UUID(checked: request.productId))
      policies.insert(try UUID(checked: request.policyId))
      for id in request.entitlementIds { entitlements.insert(try UUID(checked: id)) }
    }
    let found = try await licenses.products(Array(products), change)
    return IssuingTerms(
      products: Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0) }),
      policies: try await licenses.policies(Array(policies), change),
      entitlements: try await licenses.entitlementCodes(Array(entitlements), change)
    )
  }
}

/// What the licenses of one change are issued on.
private struct IssuingTerms {
  var products: [UUID: ProductTerms]
  var policies: [UUID: Policy]
  /// The codes of entitlements.
  var entitlements: [UUID: String]

  /// The license that a request describes, with a new key.
  func license(
    _ request: CreateLicenseRequest,
    sealedBy dataKey: DataKey,
    at now: Timestamp
  ) throws(Fault) -> (NewLicense, LicenseKey) {
    let id = UUID.v7(at: now)
    let productID = try UUID(checked: request.productId)
    let policyID = try UUID(checked: request.policyId)
    guard let product = products[productID] else {
      throw .referenceNotFound("Product not found: \(request.productId)")
    }
    guard let policy = policies[policyID] else {
      throw .referenceNotFound("Policy not found: \(request.policyId)")
    }
    var own: [UUID: String] = [:]
    for text in request.entitlementIds {
      let entitlement = try UUID(checked: text)
      guard let code = entitlements[entitlement] else {
        throw .referenceNotFound("Entitlement not found: \(text)")
      }
      own[entitlement] = code
    }
    let license = try License(
      creating: request,
      policy: policy,
      entitlements: Array(own.values),
      id: id,
      at: now
    )
    let key = try LicenseKey.generate(prefix: product.keyPrefix)
    let new = NewLicense(
      id: id,
      license: license,
      product: productID,
      policy: policyID,
      entitlements: own.keys.sorted(),
      secrets: LicenseSecrets(
        ofKey: key.text,
        isStored: product.storesKeys,
        license: id,
        sealedBy: dataKey
      )
    )
    return (new, key)
  }
}

extension Fault {
  /// The same, where the message says which item of a list it is about.
  fileprivate func placed(at path: [String]) -> Fault {
    guard !path.isEmpty else { return self }
    var fault = self
    fault.message = "\(path.joined(separator: ".")): \(message)"
    return fault
  }
}
