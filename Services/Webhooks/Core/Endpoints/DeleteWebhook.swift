internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Deletes a webhook; what was to be sent to it is removed by ``Webhooks/keepHouse()``.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook.
  public func deleteWebhook(_ request: DeleteWebhookRequest, _ call: Call) async throws(Fault)
    -> DeleteWebhookResponse
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.id)
    let answer = try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      _ = try await self.endpoints.lineUp(change)
      guard let endpoint = try await self.endpoints.lock(id, change) else {
        throw .webhookNotFound(request.id)
      }
      self.endpoints.delete(id, change)
      self.endpoints.writeSubscriptions(change)
      try change.record("webhook.delete", id, before: endpoint.message(at: change.now), after: nil)
      return DeleteWebhookResponse()
    }
    deliverer.forget(id)
    return answer
  }
}
