internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit
internal import WebhooksSending

extension Webhooks {
  /// Sends a sample event, signed as every other, and says how it was received.
  ///
  /// The sample is no event: it is in no feed and in no log, and nothing is tried again. A webhook that is disabled can
  /// be tested too, before it is enabled again.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook; `invalidArgument` for `*`, which is no event.
  public func testWebhook(_ request: TestWebhookRequest, _ call: Call) async throws(Fault)
    -> TestWebhookResponse
  {
    let tenant = try call.requireTenant()
    guard request.eventType != .all else {
      throw .invalid([
        Fault.Issue(path: ["eventType"], message: "Name one event", code: "invalid_value")
      ])
    }
    let endpoint = try await requireEndpoint(request.id, of: tenant)
    let first: Webhook.EventType? = endpoint.eventTypes.first { $0 != .all }
    let chosen: Webhook.EventType = request.eventType ?? first ?? .licenseCreated
    let startedAt = now()
    let event = SampleEvent.of(chosen, at: startedAt)
    let receiver = try await receivers.receiver(of: endpoint, at: startedAt)
    let delivery = ClaimedDelivery(
      tenant: tenant,
      endpointID: endpoint.id,
      endpointVersion: endpoint.version,
      id: .v7(at: startedAt),
      eventID: event.id,
      eventType: event.type,
      licenseID: event.licenseID,
      body: [],
      leaseEnds: Instant.now + ClaimedDelivery.lease
    )
    let body = try renderer.render(event, of: tenant)
    let sent = receiver.request(delivery, body, at: startedAt)
    let outcome = await sender.send(sent)
    return TestWebhookResponse(
      eventId: EventID.text(event.id),
      eventType: event.type,
      succeeded: outcome.verdict(at: now()) == .delivered,
      attempt: DeliveryAttempt(outcome, requestHead: sent.head, startedAt: startedAt)
    )
  }
}

/// Events that look like real ones, for trying out a receiver.
enum SampleEvent {
  /// Names that show whoever comes upon them that nothing has happened.
  private static let name = "Sample of a test delivery"

  /// A sample of a type.
  static func of(_ type: Webhook.EventType, at now: Timestamp) -> OutboxEvent {
    let license = UUID.v7(at: now)
    let kind = type.wireName.prefix { $0 != "." }
    var payload: [UInt8] = []
    switch kind {
    case "machine": machine(of: license, at: now).encode(appendingTo: &payload)
    case "validation":
      validation(of: license, isValid: type == .validationSuccess).encode(appendingTo: &payload)
    case "api_key": apiKey(at: now).encode(appendingTo: &payload)
    case "webhook": webhook(at: now).encode(appendingTo: &payload)
    default: self.license(license, at: now).encode(appendingTo: &payload)
    }
    let isOfLicense = kind != "api_key" && kind != "webhook"
    return OutboxEvent(
      id: .v7(at: now),
      type: type.wireName,
      licenseID: isOfLicense ? license : nil,
      sequence: kind == "license" ? 1 : nil,
      payload: payload,
      createdAt: now
    )
  }

  private static let metadata = Array(#"{"sample":true}"#.utf8)

  private static func license(_ id: UUID, at now: Timestamp) -> License {
    License(
      id: id.description,
      name: name,
      status: .active,
      productId: UUID.v7(at: now).description,
      policyId: UUID.v7(at: now).description,
      usesCount: 0,
      machineCount: 0,
      entitlements: [],
      createdAt: now.milliseconds,
      updatedAt: now.milliseconds,
      metadata: metadata,
      machines: [],
      keyStored: false
    )
  }

  private static func machine(of license: UUID, at now: Timestamp) -> Machine {
    Machine(
      id: UUID.v7(at: now).description,
      licenseId: license.description,
      fingerprint: "sample-fingerprint",
      name: name,
      heartbeatStatus: .alive,
      metadata: metadata,
      createdAt: now.milliseconds,
      updatedAt: now.milliseconds
    )
  }

  private static func validation(of license: UUID, isValid: Bool) -> ValidateKeyResponse {
    ValidateKeyResponse(
      valid: isValid,
      code: isValid ? .valid : .suspended,
      license: ValidatedLicense(
        id: license.description,
        status: isValid ? .active : .suspended,
        name: name,
        usesCount: 0
      ),
      entitlements: [],
      metadata: Array("{}".utf8),
      explanation: []
    )
  }

  private static func apiKey(at now: Timestamp) -> ApiKey {
    ApiKey(
      id: UUID.v7(at: now).description,
      name: name,
      hint: "lk_test_samp",
      environment: .test,
      fullAccess: false,
      scopes: ["licenses:read"],
      expiresAt: (now + .seconds(7 * 24 * 3600)).milliseconds,
      createdAt: now.milliseconds,
      allowedAddresses: []
    )
  }

  private static func webhook(at now: Timestamp) -> Webhook {
    Webhook(
      id: UUID.v7(at: now).description,
      url: "https://hooks.example/sample",
      description: name,
      events: [.all],
      productIds: [],
      licenseMetadata: Array("{}".utf8),
      apiVersion: .v1,
      status: .disabled,
      disabledReason: .failing,
      disabledAt: now.milliseconds,
      ordering: .parallel,
      signatureScheme: .timestamped,
      maxConcurrency: WebhookEndpoint.defaultConcurrency,
      createdAt: now.milliseconds,
      updatedAt: now.milliseconds
    )
  }
}
