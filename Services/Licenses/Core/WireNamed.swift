public import Messages
public import ServiceKit

// What the database keeps by its name.
extension License.Status: WireNamed {}
extension Policy.Template: WireNamed {}
extension Policy.ExpirationStrategy: WireNamed {}
extension Policy.HeartbeatCullStrategy: WireNamed {}
extension Policy.FingerprintUniqueness: WireNamed {}
extension Machine.Platform: WireNamed {}
