public import Faults
public import ServiceKit

/// The settings of the licenses service.
public struct LicensesSettings: Sendable {
  /// Where it is called, and as whom it appears.
  public let rpc: RPCSettings
  /// Where its data is.
  public let database: DatabaseSettings
  /// The file with the keys that wrap accounts' data keys.
  public let masterKeysFile: String
  /// Where the signing service is.
  public let signing: Endpoint
  /// How much each account may have in each of its environments; unlimited by default.
  public let limits: PlanLimits
  /// What is done about licenses whose keys are reported as leaked: nothing but an alert by default.
  public let leakedKeys: LeakedLicenseKeys

  /// Reads the settings.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every setting that is wrong.
  public init(_ reader: SettingsReader) throws(Fault) {
    func limit(_ name: String) -> Int? {
      reader.isSet(name) ? reader.integer(name, in: PlanLimits.bounds) : nil
    }
    limits = PlanLimits(
      licensesMax: limit("LATCHKEY_LICENSES_MAX"),
      productsMax: limit("LATCHKEY_PRODUCTS_MAX")
    )
    (rpc, database, masterKeysFile, signing, leakedKeys) = try reader.require(
      RPCSettings(reader),
      DatabaseSettings(reader),
      reader.readableFile("LATCHKEY_MASTER_KEYS_FILE"),
      reader.endpoint("LATCHKEY_SIGNING_ADDRESS"),
      reader.choice("LATCHKEY_LEAKED_LICENSE_KEYS", default: LeakedLicenseKeys.alert)
    )
  }
}
