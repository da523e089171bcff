internal import Cryptography
internal import EventLoop
internal import Faults
internal import Primitives
internal import WebhooksSending

/// The receiver that events are forwarded to, with a secret of this run.
///
/// It is the developer's own choice on the developer's own machine, so every private network and plain HTTP is allowed.
@EventLoop
final class ForwardReceiver {
  let url: String
  /// The secret's text, to be printed.
  let secret: String
  private let target: WebhookURL
  private let signer: DeliverySigner
  private let sender: HTTPSender

  /// - Throws: ``Fault`` `invalidArgument` for a URL that cannot be called.
  init(_ text: String) throws(Fault) {
    let policy = try Self.policy()
    do throws(WebhookURL.Refusal) {
      target = try WebhookURL(text, policy: policy)
    } catch {
      throw Fault(.invalidArgument, "--forward: \(error.message)")
    }
    url = target.text
    let made = WebhookSecret.generate()
    guard let key = WebhookSecret(made) else {
      throw .internalError("A secret that was just made has not the form of one")
    }
    secret = made.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    signer = DeliverySigner(current: key)
    sender = HTTPSender(
      destinations: Destinations(policy: policy),
      userAgent: "Latchkey-Listen/1"
    )
  }

  private static func policy() throws(Fault) -> AddressPolicy {
    do {
      var ranges: [AddressRange] = []
      for text in ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"] {
        ranges.append(try AddressRange(text))
      }
      return try AddressPolicy(
        allowsLoopback: true,
        allowedRanges: ranges,
        allowsPlainHTTP: true
      )
    } catch {
      throw .internalError("A range of private addresses is none")
    }
  }

  /// Makes one attempt to post an event; a receiver under development is told of what went wrong and not tried again.
  func post(_ event: StreamedEvent) async -> Outcome {
    await sender.send(
      OutgoingRequest(
        url: target,
        headers: signer.headers(
          eventID: event.id,
          eventType: event.type,
          deliveryID: UUID.v7().description,
          body: event.body,
          at: .now()
        ),
        body: event.body
      )
    )
  }

  func close() { sender.close() }
}
