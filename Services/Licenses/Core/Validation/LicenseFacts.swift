internal import Messages
internal import Postgres
internal import Primitives

/// What is asked about a license: the hash of its key and, where a machine asks, the machine's fingerprint.
struct KeyQuestion: Hashable, Sendable {
  var hash: Digest
  var fingerprint: String?
}

/// What is known of the license that a key leads to: enough to judge it and to show it.
struct LicenseFacts: Equatable, Sendable {
  var tenant: Tenant
  var id: UUID
  var productID: UUID
  /// The state as last written.
  var status: License.Status
  var name: String?
  var expiresAt: Timestamp?
  /// Whether it has been valid before.
  var isActivated: Bool
  var maxMachinesOverride: Int32?
  var maxUsesOverride: Int32?
  var usesCount: Int64
  var machineCount: Int32
  var terms: Terms
  /// Codes of the entitlements in effect, sorted.
  var entitlements: [String]
  /// The active machine that has the fingerprint asked about.
  var machine: MachineFacts?

  /// What the license's policy says.
  struct Terms: Equatable, Sendable {
    var maxMachines: Int32?
    var maxUses: Int32?
    var expirationStrategy: Policy.ExpirationStrategy
    var requiresFingerprint: Bool
    var heartbeat: HeartbeatTerms
  }

  /// How many machines may be active; nil for any number.
  var machinesMax: Int32? { maxMachinesOverride ?? terms.maxMachines }
  /// How often the license may be validated; nil for any number of times.
  var usesMax: Int32? { maxUsesOverride ?? terms.maxUses }
  /// Whether it may be used after its expiry.
  var keepsAccess: Bool { terms.expirationStrategy == .allowAccess }

  /// The state at a moment, its expiry considered.
  func status(at now: Timestamp) -> License.Status {
    status.at(now, expiresAt: expiresAt, strategy: terms.expirationStrategy)
  }
}

/// What is known of the machine that asks.
struct MachineFacts: Equatable, Sendable {
  var id: UUID
  var name: String?
  var lastHeartbeat: Timestamp?
  var lastSeen: Timestamp
}
