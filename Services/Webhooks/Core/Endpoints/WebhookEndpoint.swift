internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// A webhook as the database keeps it.
struct WebhookEndpoint: Equatable, Sendable {
  let tenant: Tenant
  let id: UUID
  /// In the one form that the sender makes of it.
  var url: String
  var description: String?
  var eventTypes: [Webhook.EventType]
  /// Of these products only; of all when empty.
  var productIDs: [UUID]
  /// What the license's metadata must contain; an empty object is contained in all.
  var licenseMetadata: JSONB
  var apiVersion: Webhook.ApiVersion
  var ordering: Webhook.Ordering
  var signatureScheme: Webhook.SignatureScheme
  var caBundle: String?
  var maxConcurrency: Int32
  var maxPerSecond: Int32?
  var sealedSecret: [UInt8]
  var sealedPreviousSecret: [UInt8]?
  var previousSecretExpiresAt: Timestamp?
  var disabledAt: Timestamp?
  var disabledReason: Webhook.DisabledReason?
  var failingSince: Timestamp?
  /// Raised by every change.
  var version: Int32
  let createdAt: Timestamp
  var updatedAt: Timestamp

  /// How many deliveries are under way at a time unless the owner says.
  static let defaultConcurrency: Int32 = 50

  var isEnabled: Bool { disabledAt == nil }

  /// What REST shows.
  ///
  /// - Parameter now: The time; a secret whose overlap is over is not mentioned.
  /// - Returns: The webhook, without its secret.
  func message(at now: Timestamp) -> Webhook {
    let overlap = previousSecretExpiresAt.flatMap { $0 > now ? $0 : nil }
    return Webhook(
      id: id.description,
      url: url,
      description: description,
      events: eventTypes,
      productIds: productIDs.map(\.description),
      licenseMetadata: licenseMetadata.text,
      apiVersion: apiVersion,
      status: isEnabled ? .enabled : .disabled,
      disabledReason: disabledReason,
      disabledAt: disabledAt?.milliseconds,
      ordering: ordering,
      signatureScheme: signatureScheme,
      caBundle: caBundle,
      maxConcurrency: maxConcurrency,
      maxPerSecond: maxPerSecond,
      secret: nil,
      previousSecretExpiresAt: overlap?.milliseconds,
      failingSince: failingSince?.milliseconds,
      createdAt: createdAt.milliseconds,
      updatedAt: updatedAt.milliseconds,
      deletedAt: nil
    )
  }

  /// Stops deliveries.
  mutating func disable(_ reason: Webhook.DisabledReason, at now: Timestamp) {
    disabledAt = now
    disabledReason = reason
  }

  /// Lets deliveries go on, as if none had ever failed.
  mutating func enable() {
    disabledAt = nil
    disabledReason = nil
    failingSince = nil
  }
}

extension WebhookEndpoint {
  static let columns = """
    e.id, e.url, e.description, e.event_types, e.product_ids, e.license_metadata, e.api_version,
    e.ordering, e.signature_scheme, e.ca_bundle, e.max_concurrency, e.max_per_second,
    e.sealed_secret, e.sealed_previous_secret, e.previous_secret_expires_at, e.disabled_at,
    e.disabled_reason, e.failing_since, e.version, e.created_at, e.updated_at
    """

  /// Reads a row of ``columns``.
  init(_ row: Row, _ tenant: Tenant) throws(Fault) {
    self.tenant = tenant
    id = try row.value(0)
    url = try row.value(1)
    description = try row.value(2)
    eventTypes = []
    for name in try row.value(3) as [String] {
      guard let type = Webhook.EventType(wireName: name) else {
        throw .internalError("A webhook is sent events of an unknown type")
      }
      eventTypes.append(type)
    }
    productIDs = try row.value(4)
    licenseMetadata = try row.value(5)
    apiVersion = try row.named(6)
    ordering = try row.named(7)
    signatureScheme = try row.named(8)
    caBundle = try row.value(9)
    maxConcurrency = try row.value(10)
    maxPerSecond = try row.value(11)
    sealedSecret = try row.value(12)
    sealedPreviousSecret = try row.value(13)
    previousSecretExpiresAt = try row.value(14)
    disabledAt = try row.value(15)
    disabledReason = try row.namedOrNull(16)
    failingSince = try row.value(17)
    version = try row.value(18)
    createdAt = try row.value(19)
    updatedAt = try row.value(20)
  }
}
