internal import Changes
public import Sealing

extension Keys {
  /// Where the service keeps its data keys.
  public nonisolated static let sealingSchema = SealingSchema("keys")

  /// Everything that the service keeps encrypted.
  public nonisolated static let sealedTables = [
    Changes.sealedAnswers, responseSigningKeys, secondFactors,
  ]

  nonisolated static let responseSigningKeys = SealedTable(
    "keys.response_signing_keys",
    columns: ["sealed_secret"],
    hasEnvironment: false
  )

  nonisolated static let secondFactors = SealedTable(
    "keys.second_factors",
    id: "user_id",
    columns: ["sealed_totp_secret"],
    hasEnvironment: false
  )
}
