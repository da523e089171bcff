internal import Cryptography
internal import Messages
internal import Primitives

/// What is asked about a license that is to be checked out.
struct CheckOutQuestion: Hashable, Sendable {
  var tenant: Tenant
  var license: UUID
  var fingerprint: String
}

/// What is known of a license that is to be checked out.
struct CheckOutFacts: Sendable {
  /// The license as it is now, with its policy.
  var license: License
  var policy: Policy
  /// The active machine of the license that has the fingerprint.
  var machine: Machine?
  /// What the payload key of files comes from, sealed; nil when nobody has known the license's key here.
  var sealedFileSecret: [UInt8]?
  /// What opens it.
  var dataKey: DataKey?
}
