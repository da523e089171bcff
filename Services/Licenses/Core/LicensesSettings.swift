public import Faults
public import ServiceKit

/// The settings of the licenses service.
public struct LicensesSettings: OwnSettings {
  /// Where it is called, and as whom it appears.
  public let rpc: RPCSettings
  /// Where its data is.
  public let database: DatabaseSettings
  /// The file with the keys that wrap accounts' data keys.
  public let masterKeysFile: String
  /// Where the signing service is.
  public let signing: [Endpoint]
  /// How much each account may have in each of its environments; unlimited by default.
  public let limits: PlanLimits
  /// What is done about licenses whose keys are reported as leaked: nothing but an alert by default.
  public let leakedKeys: LeakedLicenseKeys

  /// Reads the settings.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every setting that is wrong.
  public init(_ reader: SettingsReader) throws(Fault) {
    limits = PlanLimits(
      licensesMax: reader.integer(
        "LATCHKEY_LICENSES_MAX",
        "active licenses of an account in each environment; unlimited without it",
        isOptional: true,
        in: PlanLimits.bounds
      ),
      productsMax: reader.integer(
        "LATCHKEY_PRODUCTS_MAX",
        "products of an account in each environment; unlimited without it",
        isOptional: true,
        in: PlanLimits.bounds
      )
    )
    (rpc, database, masterKeysFile, signing, leakedKeys) = try reader.require(
      RPCSettings(reader),
      DatabaseSettings(reader),
      reader.masterKeysFile(),
      reader.addresses(of: "signing"),
      reader.choice(
        "LATCHKEY_LEAKED_LICENSE_KEYS",
        "what a report of a leaked license key does to its license besides the event: nothing, or suspend it",
        default: LeakedLicenseKeys.alert
      )
    )
  }
}
