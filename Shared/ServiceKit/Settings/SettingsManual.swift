/// All settings of a service, found by reading them where none is given.
public struct SettingsManual: Sendable {
  /// Those of the service when it serves.
  public let serving: [Setting]
  /// Those that `migrate` has besides; none of a service without a database.
  public let migrating: [Setting]

  /// Lists the settings of a service.
  ///
  /// - Parameters:
  ///   - own: What the service reads.
  ///   - migrates: Whether it has tables.
  public init<Own: OwnSettings>(_ own: Own.Type, migrates: Bool) {
    let serving = SettingsReader([:])
    _ = ServiceSettings(serving)
    // Without the mandatory ones it throws; what it has asked for is what counts.
    _ = try? Own(serving)
    let migrating = SettingsReader([:])
    if migrates { _ = DatabaseSettings(migrating, .migration) }
    self.serving = serving.declared
    self.migrating = migrating.declared.filter { !serving.declared.contains($0) }
  }

  /// What `--help` says.
  func help(_ name: String) -> String {
    let program = "latchkey-\(name)"
    var lines = ["usage: \(program) [--SETTING VALUE]..."]
    if !migrating.isEmpty { lines.append("       \(program) migrate [--SETTING VALUE]...") }
    lines += [
      "       \(program) ready [--SETTING VALUE]...   (asks the one that serves whether it is ready)",
      "       \(program) [--SETTING VALUE]... --print-config",
      "",
      "Each setting is a flag, a variable of the environment (--rpc-listen is LATCHKEY_RPC_LISTEN), or",
      "a line LATCHKEY_RPC_LISTEN=VALUE of the file of --config; the first of these that has it counts.",
      "--print-config shows what counts, and where it is from, as such a file.",
      "",
      "Settings:",
    ]
    lines += SettingsManual.lines(serving)
    if !migrating.isEmpty {
      lines += ["", "Settings of migrate, which brings the database up to date and ends:"]
      lines += SettingsManual.lines(migrating)
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private static func lines(_ settings: [Setting]) -> [String] {
    let heads = settings.map { "  \($0.flag) \($0.placeholder)" }
    // Where the longest ones would push all others to the right, they stand out instead.
    let width = 40
    return zip(heads, settings).map { head, setting in
      let blanks = String(repeating: " ", count: max(2, width - head.count))
      return "\(head)\(blanks)\(setting.summary) (\(setting.absence))"
    }
  }
}

extension Setting.Absence: CustomStringConvertible {
  /// What lists of settings say.
  public var description: String {
    switch self {
    case .refusal: "mandatory"
    case .nothing: "optional"
    case .value(let text): "default \(text.isEmpty ? "none" : text)"
    }
  }
}
