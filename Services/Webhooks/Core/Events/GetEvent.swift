public import Faults
public import Messages
internal import Primitives
public import RPC

extension Webhooks {
  /// Shows one event, in the form that it is sent in.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such event, or has it no more; `invalidArgument` for what is
  ///   no id of an event.
  public func getEvent(_ request: GetEventRequest, _ call: Call) async throws(Fault) -> WebhookEvent
  {
    let tenant = try call.requireTenant()
    let id = try EventID.parse(request.id)
    guard let event = try await events.get(tenant, id: id) else {
      throw .eventNotFound(request.id)
    }
    return WebhookEvent(
      id: EventID.text(id),
      type: event.type,
      createdAt: event.createdAt.milliseconds,
      apiVersion: event.apiVersion,
      environment: tenant.environment.rawValue,
      licenseId: event.licenseID?.description,
      sequence: event.sequence,
      data: event.data
    )
  }
}

extension Fault {
  /// The tenant has no such event.
  static func eventNotFound(_ id: String) -> Fault { .notFound("Event not found: \(id)") }
}
