public import Faults
public import ServiceKit

/// The settings of the signing service.
public struct SigningSettings: OwnSettings {
  /// Where it is called, and as whom it appears.
  public let rpc: RPCSettings
  /// Where its data is.
  public let database: DatabaseSettings
  /// The file with the keys that wrap accounts' data keys; no other service has it.
  public let masterKeysFile: String

  /// Reads the settings.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every setting that is wrong.
  public init(_ reader: SettingsReader) throws(Fault) {
    (rpc, database, masterKeysFile) = try reader.require(
      RPCSettings(reader),
      DatabaseSettings(reader),
      reader.masterKeysFile()
    )
  }
}
