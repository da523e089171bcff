internal import Cryptography
public import Primitives

/// What `X-Licentric-Signature` covers, by the choice of the endpoint's owner.
public enum SignatureScheme: String, Hashable, Sendable, CaseIterable {
  /// Timestamp, a dot, and the body: a delivery that somebody repeats later is refused.
  case timestamped
  /// The body alone and no `X-Licentric-Timestamp`, for receivers of the older scheme.
  ///
  /// Source: the Licentric contract, section 9, row 1.
  case legacy
}

/// Signs the deliveries of one endpoint, in every scheme that receivers check.
///
/// | header | value |
/// |---|---|
/// | `X-Licentric-Signature` | hex HMAC of `timestamp.body` under the secret's text; in the legacy scheme of the body alone |
/// | `X-Licentric-Timestamp` | Unix seconds; absent in the legacy scheme |
/// | `X-Licentric-Signature-Body` | hex HMAC of the body alone under the secret's text |
/// | `webhook-id`, `webhook-timestamp`, `webhook-signature` | Standard Webhooks: `v1,` and the base64 HMAC of `id.timestamp.body` under the secret's bytes |
///
/// While a secret is being rotated there are two, and everything is signed by both. `webhook-signature` carries both
/// signatures. The other headers carry one, and receivers compare it with one: so they follow the secret that
/// receivers have had so far until the overlap ends, and the new one signs `X-Licentric-Signature-Next` and
/// `X-Licentric-Signature-Body-Next`. A rotation breaks no receiver at the moment it begins, then, and one that accepts
/// either secret never sees a delivery that it cannot verify.
/// Source: the Licentric contract, sections 5.3 to 5.5; Standard Webhooks 1.0.
public final class DeliverySigner: Sendable {
  private let current: WebhookSecret
  private let next: WebhookSecret?
  private let scheme: SignatureScheme

  /// Prepares an endpoint's signatures; worth keeping between its deliveries.
  ///
  /// - Parameters:
  ///   - current: The secret; during an overlap the one from before the rotation.
  ///   - next: The new secret during an overlap.
  ///   - scheme: What `X-Licentric-Signature` covers.
  public init(
    current: WebhookSecret,
    next: WebhookSecret? = nil,
    scheme: SignatureScheme = .timestamped
  ) {
    self.current = current
    self.next = next
    self.scheme = scheme
  }

  /// The headers of one attempt; every attempt is signed anew, since receivers refuse an old timestamp.
  ///
  /// - Parameters:
  ///   - eventID: `evt_…`, the same in every attempt: what receivers drop duplicates by.
  ///   - eventType: Such as `license.created`.
  ///   - deliveryID: Which delivery of the event this is.
  ///   - body: The exact bytes that are sent.
  ///   - now: The time of the attempt.
  /// - Returns: The fields, to be sent in this order.
  public func headers(
    eventID: String,
    eventType: String,
    deliveryID: String,
    body: [UInt8],
    at now: Timestamp
  ) -> [HeaderField] {
    let timestamp = String(now.seconds)
    let timed = Array("\(timestamp).".utf8)
    let identified = Array("\(eventID).\(timestamp).".utf8)
    var headers = [
      HeaderField("Content-Type", "application/json"),
      HeaderField("X-Licentric-Event", eventType),
      HeaderField("X-Licentric-Delivery", deliveryID),
    ]
    headers.reserveCapacity(12)
    if scheme == .timestamped { headers.append(HeaderField("X-Licentric-Timestamp", timestamp)) }
    add(current, timed, body, "X-Licentric-Signature", "X-Licentric-Signature-Body", to: &headers)
    if let next {
      add(
        next,
        timed,
        body,
        "X-Licentric-Signature-Next",
        "X-Licentric-Signature-Body-Next",
        to: &headers
      )
    }
    var standard = DeliverySigner.standard(current, identified, body)
    if let next {
      standard = "\(DeliverySigner.standard(next, identified, body)) \(standard)"
    }
    headers.append(HeaderField("webhook-id", eventID))
    headers.append(HeaderField("webhook-timestamp", timestamp))
    headers.append(HeaderField("webhook-signature", standard))
    return headers
  }

  private func add(
    _ secret: WebhookSecret,
    _ timed: [UInt8],
    _ body: [UInt8],
    _ name: String,
    _ bodyName: String,
    to headers: inout [HeaderField]
  ) {
    let ofBody = Hex.encode(secret.textKey.authenticate(body))
    let ofBoth =
      scheme == .legacy ? ofBody : Hex.encode(secret.textKey.authenticate(timed, body))
    headers.append(HeaderField(name, ofBoth))
    headers.append(HeaderField(bodyName, ofBody))
  }

  private static func standard(
    _ secret: WebhookSecret,
    _ identified: [UInt8],
    _ body: [UInt8]
  ) -> String {
    "v1," + Base64.encode(secret.bytesKey.authenticate(identified, body))
  }
}
