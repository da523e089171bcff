public import Faults
public import ServiceKit

/// The settings of the keys service.
public struct KeysSettings: OwnSettings {
  /// Where it is called, and as whom it appears.
  public let rpc: RPCSettings
  /// Where its data is.
  public let database: DatabaseSettings
  /// The file with the keys that wrap accounts' data keys.
  public let masterKeysFile: String
  /// Where the signing service is.
  public let signing: [Endpoint]
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
        reader.masterKeysFile(),
        reader.addresses(of: "signing"),
        reader.choice(
          "LATCHKEY_LEAKED_API_KEYS",
          "what a report of a leaked API key does to it besides the event: nothing, an overlap, or its end",
          default: LeakedAPIKeys.revoke
        ),
        reader.integer(
          "LATCHKEY_LEAKED_API_KEYS_OVERLAP_SECONDS",
          "how long a leaked API key goes on under `rotate`, at most 30 days",
          placeholder: "SECONDS",
          default: Int(LeakedAPIKeys.defaultOverlap.components.seconds),
          in: 0...Self.leakOverlapSecondsMax
        ),
        Self.dashboard(reader)
      )
    leakOverlap = .seconds(overlapSeconds)
  }

  private static func dashboard(_ reader: SettingsReader) -> DashboardAddress? {
    let setting = Setting(
      "LATCHKEY_DASHBOARD_URL",
      "URL",
      "where the links lead that are handed to users; never taken from a request",
      expected: "https://host or https://host:port",
      mayHoldSecret: true
    )
    return reader.value(setting) { DashboardAddress($0) }
  }
}
