extension SettingsReader {
  /// Every setting with its value in effect, for the first line of the log.
  var values: [String: String] {
    var values: [String: String] = [:]
    for reading in readings { values[reading.setting.name] = reading.text }
    return values
  }

  /// What `--print-config` prints: all settings, grouped by where each one is from.
  ///
  /// It is a file for `--config` again: what is not set and what groups are called is in comments. No secret is in it,
  /// since secrets are files; what looks like one all the same is blotted out, as in logs.
  var printedConfiguration: String {
    SettingSources.Origin.allCases.compactMap { (origin) -> String? in
      let lines = readings.filter { $0.origin == origin && $0.setting != .file }.map(printed)
      guard !lines.isEmpty else { return nil }
      return ([heading(origin)] + lines).map { $0 + "\n" }.joined()
    }.joined(separator: "\n")
  }

  private func heading(_ origin: SettingSources.Origin) -> String {
    switch origin {
    case .flag: "# flags"
    case .environment: "# environment"
    case .file: "# file \(filePath ?? "")"
    case .fallback: "# default"
    }
  }

  private func printed(_ reading: Reading) -> String {
    guard let text = reading.text else { return "# \(reading.setting.name) is not set" }
    return SettingVariable.line(reading.setting.name, Redaction.redact(text))
  }
}
