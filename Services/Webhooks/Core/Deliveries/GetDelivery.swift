public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Shows one delivery with all its attempts.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook, or that has no such delivery.
  public func getDelivery(_ request: DeliveryRequest, _ call: Call) async throws(Fault) -> Delivery
  {
    let tenant = try call.requireTenant()
    let endpoint = try await requireEndpoint(request.id, of: tenant)
    let id = try UUID(checked: request.deliveryId)
    guard let delivery = try await deliveries.get(tenant, endpoint: endpoint.id, id: id) else {
      throw .deliveryNotFound(request.deliveryId)
    }
    return delivery
  }
}

extension Fault {
  /// The webhook has no such delivery.
  static func deliveryNotFound(_ id: String) -> Fault { .notFound("Delivery not found: \(id)") }
}
