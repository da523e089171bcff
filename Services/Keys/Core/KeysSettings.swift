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
  /// Where the signing service is.
  public let signing: Endpoint
  /// What is done about API keys that are reported as leaked: they are revoked by default.
  public let leakedKeys: LeakedAPIKeys
  /// How long a leaked key goes on where it is to be replaced.
  public let leakOverlap: Duration
  /// Where users find the dashboard.
  public let dashboard: DashboardAddress

  /// As with a rotation that is asked for: at most 30 days.
  private static let leakOverlapSecondsMax = 30 * 24 * 60 * 60

  /// Reads the settings.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every setting that is wrong.
  public init(_ reader: SettingsReader) throws(Fault) {
    let overlapSeconds: Int
    (rpc, database, masterKeysFile, signing, leakedKeys, overlapSeconds, dashboard) =
      try reader.require(
        RPCSettings(reader),
        DatabaseSettings(reader),
        reader.readableFile("LATCHKEY_MASTER_KEYS_FILE"),
        reader.endpoint("LATCHKEY_SIGNING_ADDRESS"),
        reader.choice("LATCHKEY_LEAKED_API_KEYS", default: LeakedAPIKeys.revoke),
        reader.integer(
          "LATCHKEY_LEAKED_API_KEYS_OVERLAP_SECONDS",
          default: Int(LeakedAPIKeys.defaultOverlap.components.seconds),
          in: 0...Self.leakOverlapSecondsMax
        ),
        reader.value(
          "LATCHKEY_DASHBOARD_URL",
          expected: "https://host or https://host:port",
          DashboardAddress.init
        )
      )
    leakOverlap = .seconds(overlapSeconds)
  }
}
