internal import Cryptography
internal import Faults
internal import Primitives
internal import WebhooksSending

/// The secrets of a webhook: made, sealed for its row, and opened for its signatures.
enum EndpointSecrets {
  /// The columns that hold one.
  enum Column: String {
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
    dataKey.seal(text, in: place(column, endpoint, dataKey.accountID))
  }

  /// Opens a secret's text.
  ///
  /// - Throws: ``Fault`` `dataLoss` when it was changed or belongs to another place.
  static func open(
    _ sealed: [UInt8],
    _ column: Column,
    of endpoint: UUID,
    by dataKey: DataKey
  ) throws(Fault) -> SecretBytes {
    var bytes = try dataKey.open(sealed, in: place(column, endpoint, dataKey.accountID))
    return SecretBytes(wiping: &bytes)
  }

  private static func place(_ column: Column, _ endpoint: UUID, _ account: UUID) -> SealingContext {
    SealingContext(
      accountID: account,
      table: "webhooks.endpoints",
      column: column.rawValue,
      rowID: endpoint
    )
  }
}

extension SecretBytes {
  /// The text, for the one answer that shows it.
  var text: String {
    withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
