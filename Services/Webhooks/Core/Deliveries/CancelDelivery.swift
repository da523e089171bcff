internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Gives up a delivery that is still to be made; in an ordered webhook the next of the license follows.
  ///
  /// An attempt that is under way at this moment may arrive all the same.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook, or that has no such delivery; `CONFLICT` when
  ///   it has come to its end already.
  public func cancelDelivery(_ request: DeliveryRequest, _ call: Call) async throws(Fault)
    -> Delivery
  {
    let tenant = try call.requireTenant()
    let id = try UUID(checked: request.deliveryId)
    let delivery = try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      guard let endpoint = try await self.endpoints.lock(try UUID(checked: request.id), change)
      else { throw .webhookNotFound(request.id) }
      guard let before = try await self.deliveries.get(endpoint.id, id, change) else {
        throw .deliveryNotFound(request.deliveryId)
      }
      guard try await self.deliveries.cancel(endpoint.id, id, change),
        let after = try await self.deliveries.get(endpoint.id, id, change)
      else {
        throw Fault(.aborted, "The delivery has come to its end already", reason: .conflict)
      }
      if let license = after.licenseId.flatMap({ UUID($0) }) {
        let line = DeliveryLine(endpointID: endpoint.id, licenseID: license)
        self.deliveries.advance([line], at: change.now, change.transaction)
      }
      try change.record(
        "delivery.cancel",
        id,
        before: before.withoutAttempts,
        after: after.withoutAttempts
      )
      return after
    }
    deliverer.look()
    return delivery
  }
}
