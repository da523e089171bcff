/// Settings of one mode of a service's executable that its other mode accepts without reading them:
/// a deployment may give both modes the same environment.
enum SettingNames {
  /// What `migrate` reads.
  static let migration: Set<String> = [
    DatabaseSettings.Purpose.migration.urlName, DatabaseSettings.Purpose.migration.passwordFileName,
  ]

  /// What a service with a database reads when it serves.
  static let serving: Set<String> = [
    "LATCHKEY_RPC_LISTEN", "LATCHKEY_RPC_CERT_FILE", "LATCHKEY_RPC_KEY_FILE",
    "LATCHKEY_RPC_CA_FILE", DatabaseSettings.Purpose.service.urlName,
    DatabaseSettings.Purpose.service.passwordFileName, "LATCHKEY_MASTER_KEYS_FILE",
  ]
}
