internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Sealing
internal import ServiceKit
internal import WebhooksSending

extension Webhooks {
  /// How long a replaced secret signs too unless the request says.
  private static let defaultOverlapSeconds: Int32 = 24 * 60 * 60

  /// Makes another secret and shows it once; the old one signs too until the overlap ends.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook; `CONFLICT` while an earlier overlap lasts, as
  ///   deliveries are signed with two secrets and not with three.
  public func rotateWebhookSecret(
    _ request: RotateWebhookSecretRequest,
    _ call: Call
  ) async throws(Fault) -> Webhook {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    let overlap = Duration.seconds(request.overlapSeconds ?? Self.defaultOverlapSeconds)
    let newest = try await dataKeys.newest(of: tenant)
    let webhook = try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard var endpoint = try await self.endpoints.lock(id, change) else {
        throw .webhookNotFound(request.id)
      }
      let before = endpoint.message(at: change.now)
      if let end = before.previousSecretExpiresAt, overlap > .zero {
        throw Fault(
          .aborted,
          "The secret was rotated already, and the one before signs until \(Timestamp(milliseconds: end).iso8601);"
            + " rotate with overlapSeconds 0 to replace both at once",
          reason: .conflict
        )
      }
      if overlap > .zero {
        let old = try await self.dataKeys.openSecret(endpoint.sealedSecret, .current, of: endpoint)
        endpoint.sealedPreviousSecret = EndpointSecrets.seal(old, .previous, of: id, by: newest)
        endpoint.previousSecretExpiresAt = change.now + overlap
      } else {
        endpoint.sealedPreviousSecret = nil
        endpoint.previousSecretExpiresAt = nil
      }
      let secret = WebhookSecret.generate()
      endpoint.sealedSecret = EndpointSecrets.seal(secret, .current, of: id, by: newest)
      endpoint.updatedAt = change.now
      try await self.endpoints.update(endpoint, change)
      var answer = endpoint.message(at: change.now)
      try change.record("webhook.rotate-secret", id, before: before, after: answer)
      answer.secret = secret.text
      return answer
    }
    deliverer.forget(id)
    return webhook
  }
}
