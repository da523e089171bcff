internal import Changes
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Webhooks {
  /// Sends the events of a span of time again, received or not.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook; `CONFLICT` when it is disabled;
  ///   `invalidArgument` for a span that ends before it begins.
  public func redeliverDeliveries(
    _ request: RedeliverDeliveriesRequest,
    _ call: Call
  ) async throws(Fault) -> RedeliverDeliveriesResponse {
    let end = request.until.map(Timestamp.init(milliseconds:))
    let from = Timestamp(milliseconds: request.from)
    if let end, end <= from {
      throw .invalid([
        Fault.Issue(path: ["until"], message: "Must be later than from", code: "custom")
      ])
    }
    return try await redeliver(request.id, from: from, until: end, unsentOnly: false, call)
  }

  /// Sends again what failed since a moment, or was skipped while the webhook was disabled.
  ///
  /// - Throws: ``Fault`` `notFound` when the tenant has no such webhook; `CONFLICT` when it is disabled.
  public func recoverDeliveries(
    _ request: RecoverDeliveriesRequest,
    _ call: Call
  ) async throws(Fault) -> RedeliverDeliveriesResponse {
    let since = Timestamp(milliseconds: request.since)
    return try await redeliver(request.id, from: since, until: nil, unsentOnly: true, call)
  }

  private func redeliver(
    _ id: String,
    from: Timestamp,
    until end: Timestamp?,
    unsentOnly: Bool,
    _ call: Call
  ) async throws(Fault) -> RedeliverDeliveriesResponse {
    let tenant = try call.requireTenant()
    let answer = try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      let endpoint = try await self.lockSending(id, change)
      let (count, next) = try await self.deliveries.redeliver(
        to: endpoint.id,
        from: max(from, Timestamp(milliseconds: 0)),
        // Not what is yet to come, which is sent anyway.
        until: min(end ?? .latest, change.now + .milliseconds(1)),
        unsentOnly: unsentOnly,
        change
      )
      let answer = RedeliverDeliveriesResponse(
        count: Int32(clamping: count),
        hasMore: next != nil,
        next: next?.milliseconds
      )
      if count > 0 {
        let action = unsentOnly ? "webhook.recover" : "webhook.redeliver"
        try change.record(
          action,
          endpoint.id,
          before: RedeliverDeliveriesResponse?.none,
          after: answer
        )
      }
      return answer
    }
    deliverer.look()
    return answer
  }
}
