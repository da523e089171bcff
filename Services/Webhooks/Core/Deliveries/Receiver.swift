internal import Cryptography
internal import EventLoop
internal import Faults
internal import Messages
internal import Primitives
internal import Sealing
internal import WebhooksSending

/// Where a webhook's deliveries go and how they are signed, ready to be used.
struct Receiver: Sendable {
  /// The version of the webhook that this was made of.
  let version: Int32
  let url: WebhookURL
  let authorities: TrustedAuthorities?
  let signer: DeliverySigner
  let concurrentMax: Int
  let perSecond: Int?
  /// When the secret before the rotation stops signing; nil when there is none.
  let isValidUntil: Timestamp?

  /// The request of one attempt, signed now.
  func request(_ delivery: ClaimedDelivery, _ body: [UInt8], at now: Timestamp) -> OutgoingRequest {
    OutgoingRequest(
      url: url,
      headers: signer.headers(
        eventID: EventID.text(delivery.eventID),
        eventType: delivery.eventType,
        deliveryID: delivery.id.description,
        body: body,
        at: now
      ),
      body: body,
      authorities: authorities
    )
  }
}

/// Makes receivers of webhooks.
@EventLoop
final class ReceiverMaker {
  private let dataKeys: DataKeyStore
  private let policy: AddressPolicy

  init(dataKeys: DataKeyStore, policy: AddressPolicy) {
    self.dataKeys = dataKeys
    self.policy = policy
  }

  /// Opens a webhook's secrets and prepares its signatures.
  ///
  /// - Throws: ``Fault`` `dataLoss` when a secret cannot be opened, `failedPrecondition` when the URL or bundle, which were
  ///   checked when they were stored, are not allowed any more; faults of the database.
  func receiver(of endpoint: WebhookEndpoint, at now: Timestamp) async throws(Fault) -> Receiver {
    let newest = try await secret(endpoint.sealedSecret, .current, of: endpoint)
    var older: WebhookSecret?
    if let sealed = endpoint.sealedPreviousSecret, let end = endpoint.previousSecretExpiresAt,
      end > now
    {
      older = try await secret(sealed, .previous, of: endpoint)
    }
    return Receiver(
      version: endpoint.version,
      url: try url(of: endpoint),
      authorities: try authorities(of: endpoint),
      signer: DeliverySigner(
        current: older ?? newest,
        next: older == nil ? nil : newest,
        scheme: endpoint.signatureScheme == .legacy ? .legacy : .timestamped
      ),
      concurrentMax: Int(endpoint.maxConcurrency),
      perSecond: endpoint.maxPerSecond.map { Int($0) },
      isValidUntil: older == nil ? nil : endpoint.previousSecretExpiresAt
    )
  }

  private func secret(
    _ sealed: [UInt8],
    _ column: EndpointSecrets.Column,
    of endpoint: WebhookEndpoint
  ) async throws(Fault) -> WebhookSecret {
    let text = try await dataKeys.openSecret(sealed, column, of: endpoint)
    guard let secret = WebhookSecret(text) else {
      throw .internalError("The secret of webhook \(endpoint.id) has not the form of one")
    }
    return secret
  }

  /// Reads the URL anew: what an operator has closed since it was stored is refused.
  private func url(of endpoint: WebhookEndpoint) throws(Fault) -> WebhookURL {
    do throws(WebhookURL.Refusal) {
      return try WebhookURL(endpoint.url, policy: policy)
    } catch {
      throw Fault(.failedPrecondition, error.message)
    }
  }

  private func authorities(of endpoint: WebhookEndpoint) throws(Fault) -> TrustedAuthorities? {
    guard let bundle = endpoint.caBundle else { return nil }
    do throws(TrustedAuthorities.Refusal) {
      return try TrustedAuthorities(pem: bundle)
    } catch {
      throw Fault(.failedPrecondition, error.message)
    }
  }
}

extension DataKeyStore {
  /// Opens a secret's text, whichever version of the account's data key has sealed it.
  ///
  /// - Throws: ``Fault`` `dataLoss` when it was changed, or its key is not there; faults of the database.
  @EventLoop
  func openSecret(
    _ sealed: [UInt8],
    _ column: EndpointSecrets.Column,
    of endpoint: WebhookEndpoint
  ) async throws(Fault) -> SecretBytes {
    let place = Webhooks.sealedEndpoints.place(
      column.rawValue,
      row: endpoint.id,
      account: endpoint.tenant.accountID
    )
    var bytes = try await open(sealed, in: place, of: endpoint.tenant)
    return SecretBytes(wiping: &bytes)
  }
}
