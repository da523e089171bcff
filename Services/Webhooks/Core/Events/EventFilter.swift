internal import Changes
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// What a webhook is sent.
enum EventFilter {
  /// The events that are told only when somebody is sent them: each validation and each heartbeat would be one.
  static let onDemand: [EventType] = [.validationSuccess, .validationFailed, .machineHeartbeat]

  /// Whether an event is for a webhook, as far as its type and product tell.
  ///
  /// What is not of a license has no product, so a webhook for some products is not sent it.
  static func admits(_ endpoint: WebhookEndpoint, type: String, product: UUID?) -> Bool {
    guard endpoint.eventTypes.contains(where: { $0 == .all || $0.wireName == type }) else {
      return false
    }
    guard !endpoint.productIDs.isEmpty else { return true }
    guard let product else { return false }
    return endpoint.productIDs.contains(product)
  }

  /// Whether a webhook chooses events by the license's metadata.
  static func choosesByMetadata(_ endpoint: WebhookEndpoint) -> Bool {
    endpoint.licenseMetadata.text != Array("{}".utf8)
  }
}
