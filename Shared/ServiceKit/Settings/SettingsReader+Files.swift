// Settings that name files and folders. What is named must be there when the process starts, so that a slip of the pen
// shows at once, and nobody else may read what is secret.

extension SettingsReader {
  /// The path of a file that this process can read now.
  public func readableFile(_ name: String, _ summary: String) -> String? {
    let setting = Setting(
      name,
      "FILE",
      summary,
      expected: "the path of a file that this process can read"
    )
    return value(setting) { SettingsFile.isReadable($0) ? $0 : nil }
  }

  /// The path of a file with a secret, which this process can read now and other users cannot.
  public func secretFile(
    _ name: String,
    _ summary: String,
    isOptional: Bool = false
  ) -> String? {
    let setting = Setting(
      name,
      "FILE",
      summary,
      expected: "the path of a file that this process can read",
      without: Setting.Absence(default: nil, isOptional: isOptional),
      // Some give the secret itself.
      mayHoldSecret: true
    )
    let path = value(setting) { SettingsFile.isReadable($0) ? $0 : nil }
    return path.flatMap { closed([$0], name) }?.first
  }

  /// The path of a folder that this process can look into now.
  public func readableFolder(
    _ name: String,
    _ summary: String,
    isOptional: Bool = false
  ) -> String? {
    let setting = Setting(
      name,
      "DIR",
      summary,
      expected: "the path of a folder that this process can read",
      without: Setting.Absence(default: nil, isOptional: isOptional)
    )
    return value(setting) { SettingsFile.isReadableFolder($0) ? $0 : nil }
  }

  /// The file with the keys that wrap accounts' data keys.
  public func masterKeysFile() -> String? {
    secretFile(
      "LATCHKEY_MASTER_KEYS_FILE",
      "the master keys, which wrap the keys that seal secrets; those of signing are no other service's"
    )
  }

  /// The certificates of a server and their keys: two lists of files in the same order, separated by commas.
  ///
  /// - Parameters:
  ///   - certificates: The setting of the certificates, and what they are for.
  ///   - keys: The setting of the keys, and what they are for.
  /// - Returns: The files; nil when they were refused.
  public func tlsFiles(
    certificates: (name: String, summary: String),
    keys: (name: String, summary: String)
  ) -> TLSFiles? {
    let chains = listedFiles(certificates.name, certificates.summary, areSecret: false)
    let secrets = listedFiles(keys.name, keys.summary, areSecret: true)
      .flatMap { closed($0, keys.name) }
    guard let chains, let secrets else { return nil }
    guard chains.count == secrets.count else {
      refuse(
        keys.name,
        "names \(secrets.count) files where \(certificates.name) names \(chains.count)"
      )
      return nil
    }
    var files = TLSFiles(certificate: chains[0], key: secrets[0], authorities: nil)
    files.named = zip(chains, secrets).dropFirst().map {
      TLSFiles.Identity(certificate: $0, key: $1)
    }
    return files
  }

  private func listedFiles(_ name: String, _ summary: String, areSecret: Bool) -> [String]? {
    let setting = Setting(
      name,
      "FILE,...",
      summary,
      expected: "files that this process can read, separated by commas",
      mayHoldSecret: areSecret
    )
    return value(setting) { text in
      let paths = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      return paths.allSatisfy { SettingsFile.isReadable($0) } ? paths : nil
    }
  }

  /// Files with secrets; nil after a complaint when one of them is open to other users.
  private func closed(_ paths: [String], _ name: String) -> [String]? {
    guard let open = paths.first(where: { SettingsFile.isOpenToOthers($0) }) else { return paths }
    refuse(name, "is a file that other users of this machine can open; run `chmod 0600 \(open)`")
    return nil
  }
}
