internal import EventLoop
internal import Faults
internal import Messages
internal import Primitives
internal import RPC
internal import Stubs

/// One license file that is to be signed; each is its own.
final class FileOrder: Hashable, Sendable {
  let tenant: Tenant
  private let message: LicenseFileOrder

  /// What the orders of one call may weigh together: the files that come back are a third larger, and a message has room for
  /// 4 MiB.
  private static let callBytesMax = 2 << 20

  init(for tenant: Tenant, _ message: LicenseFileOrder) {
    self.tenant = tenant
    self.message = message
  }

  static func == (left: FileOrder, right: FileOrder) -> Bool { left === right }

  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

  /// Has files of one tenant signed, in one call unless they are uncommonly large.
  ///
  /// - Returns: What became of each.
  /// - Throws: ``Fault`` of the call; then there may be files that nobody has.
  @EventLoop
  static func carryOut(
    _ orders: [FileOrder],
    for tenant: Tenant,
    by signing: SigningClient,
    within timeout: Duration
  ) async throws(Fault) -> [FileOrder: Result<SignedLicenseFile, Fault>] {
    var answers: [FileOrder: Result<SignedLicenseFile, Fault>] = [:]
    answers.reserveCapacity(orders.count)
    var rest = orders[...]
    while !rest.isEmpty {
      let next = rest.prefix(fitting(rest))
      rest = rest.dropFirst(next.count)
      let signed = try await signing.signLicenseFiles(
        SignLicenseFilesRequest(
          accountId: tenant.accountID.description,
          environment: tenant.environment == .live ? .live : .test,
          orders: next.map(\.message)
        ),
        CallOptions(timeout: timeout)
      )
      for (order, outcome) in zip(next, signed.outcomes) { answers[order] = outcome.result }
    }
    return answers
  }

  /// How many of the first orders go into one call, at least one.
  private static func fitting(_ orders: ArraySlice<FileOrder>) -> Int {
    var bytes = 0
    for (count, order) in orders.enumerated() {
      bytes += order.byteCount
      if count > 0, bytes > callBytesMax { return count }
    }
    return orders.count
  }

  private var byteCount: Int {
    message.license.count + message.policy.count
      // Fingerprint, ids and lengths.
      + message.entitlements.reduce(2_048) { $0 + $1.utf8.count }
  }
}

extension SignedLicenseFiles.Outcome {
  /// The file, or why there is none.
  fileprivate var result: Result<SignedLicenseFile, Fault> {
    if let signed { return .success(signed) }
    return .failure(
      Fault(
        .failedPrecondition,
        refusal?.message ?? "The license file was not made",
        reason: refusal?.reason.flatMap { Fault.Reason(rawValue: $0) }
      )
    )
  }
}
