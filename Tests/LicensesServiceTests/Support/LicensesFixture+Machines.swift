import EventLoop
import Faults
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit

extension LicensesFixture {
  /// What the gateway sends along for a request with a license key.
  func holder(_ license: License, idempotencyKey: UInt8? = nil, requestHash: UInt8 = 0)
    -> CallOptions
  {
    CallOptions(
      caller: Caller(
        actorKind: .licenseKey,
        clientAddress: "203.0.113.9",
        licenseKey: license.key,
        idempotencyKey: idempotencyKey.map { [UInt8](repeating: $0, count: 32) },
        requestHash: idempotencyKey.map { _ in [UInt8](repeating: requestHash, count: 32) }
      )
    )
  }

  /// Activates a machine with the license's key.
  @discardableResult
  func activate(_ license: License, _ fingerprint: String) async throws -> Machine {
    try await client.activateMachine(
      ActivateMachineRequest(fingerprint: fingerprint),
      holder(license)
    )
  }

  /// Acquires a seat with the license's key.
  @discardableResult
  func acquire(
    _ license: License,
    _ fingerprint: String,
    entitlements: [String] = []
  ) async throws -> AcquireLicenseResponse {
    try await client.acquireLicense(
      AcquireLicenseRequest(fingerprint: fingerprint, entitlements: entitlements),
      holder(license)
    )
  }

  /// Validates a license with a fingerprint.
  func validate(_ license: License, _ fingerprint: String?) async throws -> ValidateKeyResponse {
    try await client.validateKey(
      ValidateKeyRequest(key: license.key ?? "", fingerprint: fingerprint)
    )
  }

  /// The license as the vendor sees it.
  func reread(_ license: License) async throws -> License {
    try await client.getLicense(GetLicenseRequest(id: license.id), options)
  }

  /// The types of a license's events in their order; fails when their numbers have a gap.
  func events(of license: License) async throws -> [String] {
    let rows = try await test.open().read(
      """
      select type, sequence from events.outbox
      where license_id = \(UUID(license.id)) order by sequence
      """
    )
    var types: [String] = []
    for (index, row) in rows.enumerated() {
      let (type, sequence) = try row.values(String.self, Int.self)
      guard sequence == index + 1 else {
        throw Fault(.internalError, "Event \(sequence) of \(license.id) is out of its place")
      }
      types.append(type)
    }
    return types
  }

  /// The actions in the audit log with who did them, in their order.
  func audited() async throws -> [AuditEvent] {
    let rows = try await test.open().read("select entry from changes.audit_entries order by id")
    return try rows.map { row in
      let entry: [UInt8] = try row.value(0)
      return try entry.withUnsafeBytes { try AuditEvent(decoding: $0) }
    }
  }

  /// One number that the database knows.
  func count(_ query: Query) async throws -> Int {
    try await test.open().read(query).single().value(0)
  }
}

/// Runs all at once, and tells what became of each.
@EventLoop
func atOnce<T: Sendable>(
  _ count: Int,
  _ body: @escaping @EventLoop @Sendable (Int) async throws -> T
) async -> [Result<T, any Error>] {
  let tasks = (0..<count).map { index in
    EventLoop.spawn { () async -> Result<T, any Error> in
      do { return .success(try await body(index)) } catch { return .failure(error) }
    }
  }
  var outcomes: [Result<T, any Error>] = []
  for task in tasks { outcomes.append(await task.value) }
  return outcomes
}

extension [Result<Machine, any Error>] {
  /// The reasons of those that failed.
  var reasons: [Fault.Reason?] {
    compactMap { if case .failure(let error) = $0 { (error as? Fault)?.reason } else { nil } }
  }
}
