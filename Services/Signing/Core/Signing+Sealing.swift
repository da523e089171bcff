internal import Changes
public import Sealing

extension Signing {
  /// Where the service keeps its data keys.
  public nonisolated static let sealingSchema = SealingSchema("signing")

  /// Everything that the service keeps encrypted.
  public nonisolated static let sealedTables = [Changes.sealedAnswers, sealedKeys]

  nonisolated static let sealedKeys = SealedTable("signing.keys", columns: ["sealed_seed"])
}
