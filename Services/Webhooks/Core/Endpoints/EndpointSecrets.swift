internal import Cryptography
internal import Faults
internal import Primitives
internal import WebhooksSending

/// The secrets of a webhook: made, sealed for its row, and opened for its signatures.
enum EndpointSecrets {
  /// The columns that hold one.
  enum Column: String, CaseIterable {
    case current = "sealed_secret"
    case previous = "sealed_previous_secret"
  }

  /// Seals a secret's text.
  static func seal(
    _ text: SecretBytes,
    _ column: Column,
    of endpoint: UUID,
    by dataKey: DataKey
  ) -> [UInt8] {
    dataKey.seal(text, in: Webhooks.sealedEndpoints.place(column.rawValue, row: endpoint, account: dataKey.accountID))
  }
}

extension SecretBytes {
  /// The text, for the one answer that shows it.
  var text: String {
    withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
