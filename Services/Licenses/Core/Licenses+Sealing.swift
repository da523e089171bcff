internal import Changes
public import Sealing

extension Licenses {
  /// Where the service keeps its data keys.
  public nonisolated static let sealingSchema = SealingSchema("licenses")

  /// Everything that the service keeps encrypted.
  public nonisolated static let sealedTables = [Changes.sealedAnswers, sealedLicenses]

  nonisolated static let sealedLicenses = SealedTable(
    "licenses.licenses",
    columns: ["sealed_key", "sealed_file_secret"]
  )
}
