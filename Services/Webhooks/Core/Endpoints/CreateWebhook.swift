internal import Changes
internal import Cryptography
public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC
internal import Sealing
internal import ServiceKit
internal import WebhooksSending

extension Webhooks {
  /// Registers a URL that events are posted to; the answer is the only one that shows the secret.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for a URL that may not be called, no events, or a bundle that holds no
  ///   certificate; `PLAN_LIMIT_EXCEEDED` when the environment has as many webhooks as it may.
  public func createWebhook(_ request: CreateWebhookRequest, _ call: Call) async throws(Fault)
    -> Webhook
  {
    let tenant = try call.requireTenant()
    let events = try Webhook.EventType.chosen(
      request.events,
      isGiven: request.presentNames.contains("events")
    )
    let url = try await vettedURL(request.url)
    if let bundle = request.caBundle { try checkBundle(bundle) }
    let dataKey = try await dataKeys.newest(of: tenant)
    return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let count = try await self.endpoints.lineUp(change)
      guard count < self.limits.endpointsMax else {
        throw .tooManyWebhooks(max: self.limits.endpointsMax, current: count)
      }
      let id = UUID.v7(at: change.now)
      let secret = WebhookSecret.generate()
      let isDisabled = request.status == .disabled
      let endpoint = WebhookEndpoint(
        tenant: tenant,
        id: id,
        url: url.text,
        description: request.description,
        eventTypes: events,
        productIDs: try uuids(request.productIds),
        licenseMetadata: JSONB(text: request.licenseMetadata ?? Array("{}".utf8)),
        apiVersion: request.apiVersion ?? .v1,
        ordering: request.ordering ?? .parallel,
        signatureScheme: request.signatureScheme ?? .timestamped,
        caBundle: request.caBundle,
        maxConcurrency: request.maxConcurrency ?? WebhookEndpoint.defaultConcurrency,
        maxPerSecond: request.maxPerSecond,
        sealedSecret: EndpointSecrets.seal(secret, .current, of: id, by: dataKey),
        disabledAt: isDisabled ? change.now : nil,
        disabledReason: isDisabled ? .manual : nil,
        version: 1,
        createdAt: change.now,
        updatedAt: change.now
      )
      try await self.endpoints.insert(endpoint, change)
      self.endpoints.writeSubscriptions(change)
      var answer = endpoint.message(at: change.now)
      try change.record("webhook.create", id, before: nil, after: answer)
      answer.secret = secret.text
      return answer
    }
  }

  /// Reads a URL and makes sure that it may be called, now as later at every delivery.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with what to change.
  func vettedURL(_ text: String) async throws(Fault) -> WebhookURL {
    do throws(WebhookURL.Refusal) {
      let url = try WebhookURL(text, policy: destinations.policy)
      try await destinations.vet(url)
      return url
    } catch {
      throw .invalid([Fault.Issue(path: ["url"], message: error.message, code: "custom")])
    }
  }

  /// Makes sure that a bundle holds certificate authorities.
  ///
  /// - Throws: ``Fault`` `invalidArgument`.
  func checkBundle(_ pem: String) throws(Fault) {
    do throws(TrustedAuthorities.Refusal) {
      _ = try TrustedAuthorities(pem: pem)
    } catch {
      throw .invalid([Fault.Issue(path: ["caBundle"], message: error.message, code: "custom")])
    }
  }
}

extension Webhook.EventType {
  /// The events that a request names, without repetition; all where it names none.
  ///
  /// - Parameters:
  ///   - named: Those in the body.
  ///   - isGiven: Whether the body has the field at all.
  /// - Returns: The events.
  /// - Throws: ``Fault`` `invalidArgument` for an empty list.
  static func chosen(_ named: [Self], isGiven: Bool) throws(Fault) -> [Self] {
    guard !named.isEmpty else {
      guard !isGiven else {
        throw .invalid([
          Fault.Issue(
            path: ["events"],
            message: "Name at least one event, or \"*\" for all",
            code: "too_small"
          )
        ])
      }
      return [.all]
    }
    var seen: Set<Int32> = []
    return named.filter { seen.insert($0.rawValue).inserted }
  }
}

/// Reads ids that the contract has checked, without repetition.
func uuids(_ texts: [String]) throws(Fault) -> [UUID] {
  var ids: [UUID] = []
  for text in texts {
    let id = try UUID(checked: text)
    if !ids.contains(id) { ids.append(id) }
  }
  return ids
}

extension Fault {
  /// The environment has as many webhooks as it may.
  static func tooManyWebhooks(max: Int, current: Int) -> Fault {
    Fault(
      .failedPrecondition,
      "There may be \(max) webhooks in each environment; delete one first",
      reason: .planLimitExceeded,
      facts: [Fault.Fact("max", Int64(max)), Fault.Fact("current", Int64(current))]
    )
  }

  /// The tenant has no such webhook.
  static func webhookNotFound(_ id: String) -> Fault { .notFound("Webhook not found: \(id)") }
}
