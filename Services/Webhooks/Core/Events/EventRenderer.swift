internal import EventLoop
internal import Faults
internal import Messages
internal import Primitives
internal import Protobuf
internal import ServiceKit
internal import Transcoding

/// Makes the envelope that is stored, posted, and read from the feed.
///
/// `data` is the resource as REST shows it; what the contract calls secret is left out, whatever the producer sent.
@EventLoop
final class EventRenderer {
  /// The form that events have.
  static let apiVersion = Webhook.ApiVersion.v1

  /// How the resource of each kind of event is shown, by what its type begins with.
  private let resources: [String: ResponsePlan] = [
    "license": ResponsePlan(License.schema, omitsSecrets: true),
    "machine": ResponsePlan(Machine.schema, omitsSecrets: true),
    "validation": ResponsePlan(ValidateKeyResponse.schema, omitsSecrets: true),
    "api_key": ResponsePlan(ApiKey.schema, omitsSecrets: true),
    "webhook": ResponsePlan(Webhook.schema, omitsSecrets: true),
  ]
  private let envelope = ResponsePlan(WebhookEvent.schema)

  /// What the types begin with that can be rendered.
  var kinds: [String] { resources.keys.sorted() }

  /// Renders an event.
  ///
  /// - Throws: ``Fault`` `internalError` when the payload is not the resource that the type promises.
  func render(_ event: OutboxEvent, of tenant: Tenant) throws(Fault) -> [UInt8] {
    let kind = String(event.type.prefix { $0 != "." })
    guard let resource = resources[kind] else {
      throw .internalError("Events of the type \(event.type) are not known to this release")
    }
    let message = WebhookEvent(
      id: EventID.text(event.id),
      type: event.type,
      createdAt: event.createdAt.milliseconds,
      apiVersion: Self.apiVersion.wireName,
      environment: tenant.environment.rawValue,
      licenseId: event.licenseID?.description,
      sequence: event.sequence,
      data: try resource.json(event.payload, isEnveloped: false)
    )
    var bytes: [UInt8] = []
    message.encode(appendingTo: &bytes)
    return try envelope.json(bytes, isEnveloped: false)
  }
}
