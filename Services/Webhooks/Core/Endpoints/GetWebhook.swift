public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Shows one webhook, without its secret.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook.
  public func getWebhook(_ request: GetWebhookRequest, _ call: Call) async throws(Fault) -> Webhook
  {
    let tenant = try call.requireTenant()
    return try await requireEndpoint(request.id, of: tenant).message(at: now())
  }

  /// One of a tenant's webhooks.
  ///
  /// - Throws: ``Fault`` `notFound` when there is none of the id.
  func requireEndpoint(_ id: String, of tenant: Tenant) async throws(Fault) -> WebhookEndpoint {
    let endpoint = try await endpoints.get(tenant, id: try UUID(checked: id))
    guard let endpoint else { throw .webhookNotFound(id) }
    return endpoint
  }
}
