internal import Changes
internal import EventLoop
internal import Faults
internal import Logging
internal import Messages
internal import Primitives
internal import WebhooksSending

extension Webhooks {
  private static let log = Logger(label: "webhooks")

  /// Disables a webhook whose receiver is gone or has failed for days, with an event and a line in the audit log.
  ///
  /// What is pending stays, and is sent when it is enabled again.
  func disable(
    _ id: UUID,
    of tenant: Tenant,
    because reason: EndpointHealth.Disabling
  ) async {
    do throws(Fault) {
      try await changes.makeUnasked(for: tenant) { (change) async throws(Fault) in
        _ = try await self.endpoints.lineUp(change)
        // Mended, disabled or deleted meanwhile.
        guard var endpoint = try await self.endpoints.lock(id, change), endpoint.isEnabled else {
          return
        }
        let before = endpoint.message(at: change.now)
        if reason == .failing, endpoint.failingSince == nil { return }
        endpoint.disable(reason == .gone ? .gone : .failing, at: change.now)
        endpoint.updatedAt = change.now
        try await self.endpoints.update(endpoint, change)
        self.endpoints.writeSubscriptions(change)
        let after = endpoint.message(at: change.now)
        try change.record("webhook.disable", id, before: before, after: after)
        change.emit([Event(.webhookDisabled, after, at: change.now)])
        Self.log.notice(
          "a webhook was disabled",
          metadata: [
            "account": "\(tenant.accountID)", "webhook": "\(id)", "reason": "\(reason.rawValue)",
          ]
        )
      }
      deliverer.forget(id)
    } catch {
      // The next attempt that fails says so again.
      Self.log.warning("a webhook could not be disabled", metadata: ["reason": "\(error.message)"])
    }
  }
}
