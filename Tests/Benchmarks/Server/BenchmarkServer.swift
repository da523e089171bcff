internal import EventLoop
internal import Faults
internal import RPC
internal import TestMessages
internal import TestServing
internal import TestStubs

/// `rpc-bench-server --port N` serves `peer.v1.LicenseService`: a call of the shape of a validation,
/// decoded and encoded in full, with nothing behind it.
@main
enum BenchmarkServer {
  static func main() {
    EventLoop.runMain {
      await PlaintextServer.run { server in LicenseService().register(on: server) }
    }
  }
}

/// Answers as the contract of the benchmark says, so that every peer does the same work.
@EventLoop
final class LicenseService: LicenseServiceService {
  nonisolated init() {}

  func validate(
    _ request: ValidateRequest,
    _ call: Call
  ) async throws(Fault) -> ValidateResponse {
    ValidateResponse(
      valid: true,
      code: "VALID",
      detail: "The license is valid on this machine until the end of the time it was bought for.",
      accountId: request.accountId,
      licenseId: "0197a1c2-7d5e-7c44-9f6b-1f7d2f0a9c12",
      policyId: "0197a1c2-7d5e-7c44-9f6b-1f7d2f0a9c13",
      key: request.key,
      fingerprint: request.fingerprint,
      entitlements: request.entitlements,
      expiresAt: 1_893_456_000,
      maxMachines: 5,
      machines: 2,
      nonce: request.nonce
    )
  }
}
