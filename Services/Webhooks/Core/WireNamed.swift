public import Messages
public import ServiceKit

// What the database keeps by its name.
extension Webhook.EventType: WireNamed {}
extension Webhook.ApiVersion: WireNamed {}
extension Webhook.Ordering: WireNamed {}
extension Webhook.SignatureScheme: WireNamed {}
extension Webhook.DisabledReason: WireNamed {}
extension Delivery.Status: WireNamed {}
