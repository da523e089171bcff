internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Sends an event again, now, with the attempts of a new delivery; one that is still to be sent is sent at once.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook, or that has no such delivery; `CONFLICT` when
  ///   the webhook is disabled.
  public func redeliverDelivery(_ request: DeliveryRequest, _ call: Call) async throws(Fault)
    -> Delivery
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.deliveryId)
    let delivery = try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let endpoint = try await self.lockSending(request.id, change)
      guard let before = try await self.deliveries.get(endpoint.id, id, change) else {
        throw .deliveryNotFound(request.deliveryId)
      }
      try await self.deliveries.redeliver(endpoint.id, id, change)
      guard let after = try await self.deliveries.get(endpoint.id, id, change) else {
        throw .deliveryNotFound(request.deliveryId)
      }
      try change.record(
        "delivery.redeliver",
        id,
        before: before.withoutAttempts,
        after: after.withoutAttempts
      )
      return after
    }
    deliverer.look()
    return delivery
  }

  /// Locks a webhook that deliveries are to be made to.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook; `CONFLICT` when it is disabled.
  func lockSending(_ id: String, _ change: Change) async throws(Fault) -> WebhookEndpoint {
    guard let endpoint = try await endpoints.lock(try UUID(checked: id), change) else {
      throw .webhookNotFound(id)
    }
    guard endpoint.isEnabled else {
      throw Fault(
        .aborted,
        "The webhook is disabled; enable it by PATCH with status \"enabled\" first",
        reason: .conflict
      )
    }
    return endpoint
  }
}

extension Delivery {
  /// As the audit log shows it: what receivers answered is in the log of deliveries.
  var withoutAttempts: Delivery {
    var delivery = self
    delivery.attempts = []
    return delivery
  }
}
