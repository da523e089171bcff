public import Faults
public import ServiceKit

/// The settings of the keys service.
public struct KeysSettings: Sendable {
  /// Where it is called, and as whom it appears.
  public let rpc: RPCSettings
  /// Where its data is.
  public let database: DatabaseSettings
  /// The file with the keys that wrap accounts' data keys.
  public let masterKeysFile: String
  /// What is done about API keys that are reported as leaked: they are revoked by default.
  public let leakedKeys: LeakedAPIKeys
  /// Where users find the dashboard.
  public let dashboard: DashboardAddress

  /// Reads the settings.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every setting that is wrong.
  public init(_ reader: SettingsReader) throws(Fault) {
    (rpc, database, masterKeysFile, leakedKeys, dashboard) = try reader.require(
      RPCSettings(reader),
      DatabaseSettings(reader),
      reader.readableFile("LATCHKEY_MASTER_KEYS_FILE"),
      reader.choice("LATCHKEY_LEAKED_API_KEYS", default: LeakedAPIKeys.revoke),
      reader.value(
        "LATCHKEY_DASHBOARD_URL",
        expected: "https://host or https://host:port",
        DashboardAddress.init
      )
    )
  }
}
