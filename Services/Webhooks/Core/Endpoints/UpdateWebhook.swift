internal import Changes
public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC
internal import ServiceKit
internal import WebhooksSending

extension Webhooks {
  /// Changes a webhook, or enables one that was disabled.
  ///
  /// What is pending is sent by the new settings; which events were chosen is not judged again.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook; `invalidArgument` for a URL that may not be
  ///   called, no events, a bundle without certificates, or a null where none can be.
  public func updateWebhook(_ request: UpdateWebhookRequest, _ call: Call) async throws(Fault)
    -> Webhook
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    var url: String?
    if let wanted = request.url { url = try await vettedURL(wanted).text }
    if let bundle = request.caBundle { try checkBundle(bundle) }
    let webhook = try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      // In one line with whoever else changes what the tenant is sent, since the subscriptions are a sum of it.
      _ = try await self.endpoints.lineUp(change)
      guard let before = try await self.endpoints.lock(id, change) else {
        throw .webhookNotFound(request.id)
      }
      let after = try before.updated(by: request, url: url, at: change.now)
      if after != before {
        var written = after
        written.updatedAt = change.now
        try await self.endpoints.update(written, change)
        self.endpoints.writeSubscriptions(change)
        try change.record(
          "webhook.update",
          id,
          before: before.message(at: change.now),
          after: written.message(at: change.now)
        )
        return written.message(at: change.now)
      }
      return after.message(at: change.now)
    }
    deliverer.forget(id)
    if webhook.status == .enabled { deliverer.look() }
    return webhook
  }
}

extension WebhookEndpoint {
  /// What a request makes of the webhook.
  fileprivate func updated(
    by request: UpdateWebhookRequest,
    url: String?,
    at now: Timestamp
  ) throws(Fault) -> WebhookEndpoint {
    var endpoint = self
    var patch = Patch(request.presentNames)
    patch.set(&endpoint.url, "url", url)
    if request.presentNames.contains("events") || !request.events.isEmpty {
      endpoint.eventTypes = try Webhook.EventType.chosen(request.events, isGiven: true)
    }
    patch.setOrClear(&endpoint.description, "description", request.description)
    // Null and an empty list are the same here: neither names any.
    if request.presentNames.contains("productIds") || !request.productIds.isEmpty {
      endpoint.productIDs = try uuids(request.productIds)
    }
    if let metadata = request.licenseMetadata {
      endpoint.licenseMetadata = JSONB(text: metadata)
    } else if patch.clears("licenseMetadata", request.licenseMetadata) {
      endpoint.licenseMetadata = JSONB(text: Array("{}".utf8))
    }
    patch.set(&endpoint.apiVersion, "apiVersion", request.apiVersion)
    patch.set(&endpoint.ordering, "ordering", request.ordering)
    patch.set(&endpoint.signatureScheme, "signatureScheme", request.signatureScheme)
    patch.setOrClear(&endpoint.caBundle, "caBundle", request.caBundle)
    patch.set(&endpoint.maxConcurrency, "maxConcurrency", request.maxConcurrency)
    patch.setOrClear(&endpoint.maxPerSecond, "maxPerSecond", request.maxPerSecond)
    var status: Webhook.Status = isEnabled ? .enabled : .disabled
    patch.set(&status, "status", request.status)
    try patch.check()
    switch status {
    case .enabled where !isEnabled: endpoint.enable()
    case .disabled where isEnabled: endpoint.disable(.manual, at: now)
    default: break
    }
    return endpoint
  }
}
