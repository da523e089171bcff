import Cryptography
import EventLoop
import Faults
import LicensesService
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

extension LicensesFixture {
  /// What the gateway sends along for a request with an API key and an `Idempotency-Key`.
  func options(idempotencyKey: UInt8, requestHash: UInt8 = 0) -> CallOptions {
    var options = options
    options.caller?.idempotencyKey = [UInt8](repeating: idempotencyKey, count: 32)
    options.caller?.requestHash = [UInt8](repeating: requestHash, count: 32)
    return options
  }

  /// A service of another process on the same database, for what it does unasked.
  func otherService() -> Licenses {
    let clock = clock
    return Licenses(
      database: test.open(as: "latchkey_licenses"),
      masterKeys: .random(),
      signing: Self.nowhere,
      now: { clock.now }
    )
  }

  /// A product with a policy, for licenses of the test's own.
  func catalogue(
    _ change: (inout CreatePolicyRequest) -> Void = { _ in }
  ) async throws -> (Product, Policy) {
    let product = try await product("p\(UInt64.random(in: 0 ... .max))")
    let policy = try await policy(of: product) {
      $0.requireFingerprint = false
      change(&$0)
    }
    return (product, policy)
  }
}
