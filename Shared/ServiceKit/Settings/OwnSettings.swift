public import Faults

/// The settings of one service, beside those that every service has.
public protocol OwnSettings: Sendable {
  /// Reads the settings, every one of them whatever the others are: so help and documentation find all.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every setting that is wrong, by ``SettingsReader/require(_:)``.
  init(_ reader: SettingsReader) throws(Fault)
}
