internal import Changes
public import Sealing

extension Webhooks {
  /// Where the service keeps its data keys.
  public nonisolated static let sealingSchema = SealingSchema("webhooks")

  /// Everything that the service keeps encrypted.
  public nonisolated static let sealedTables = [Changes.sealedAnswers, sealedEndpoints]

  nonisolated static let sealedEndpoints = SealedTable(
    "webhooks.endpoints",
    columns: EndpointSecrets.Column.allCases.map(\.rawValue)
  )
}
