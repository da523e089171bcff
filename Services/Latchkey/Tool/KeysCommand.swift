internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand

/// `latchkey keys`.
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "Looks after the master keys: what everything encrypted in the database depends on.",
    subcommands: [
      GenerateKeysCommand.self, KeysStatusCommand.self, RotateKeysCommand.self,
      RetireKeyCommand.self,
    ]
  )
}

/// Where the running services are, and the files of their master keys.
struct OperatedDeploymentOption: ParsableArguments {
  @OptionGroup var dataDirectory: DataDirectoryOption

  @Option(
    help: ArgumentHelp(
      "Where the services are, if not in a data directory: a file of variables in the form of dev.env.",
      discussion: """
        LATCHKEY_KEYS_RPC_ADDRESS, LATCHKEY_LICENSES_RPC_ADDRESS and so on; LATCHKEY_RPC_CERT_FILE, \
        LATCHKEY_RPC_KEY_FILE and LATCHKEY_RPC_CA_FILE for the identity `operator`; LATCHKEY_MASTER_KEYS_FILE.
        """,
      valueName: "FILE"
    )
  )
  var settings: String?

  func validate() throws {
    guard settings == nil || dataDirectory.path == nil else {
      throw ValidationError("Give --data-dir or --settings, not both.")
    }
  }

  var place: MasterKeyOperation.Place {
    settings.map { .settings($0) } ?? .dataDirectory(dataDirectory.path)
  }
}

/// `latchkey keys generate`.
struct GenerateKeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Makes a new file of master keys.",
    discussion:
      "A file that exists is never replaced: that would be the loss of everything it protects."
  )

  @Argument(help: ArgumentHelp("Where the file shall be.", valueName: "FILE"))
  var file: String

  func run() {
    let file = file
    EventLoop.runMain { await GenerateMasterKeys.run(path: file) }
  }
}

/// `latchkey keys status`.
struct KeysStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says how much each version of the master keys protects, counted by the database."
  )

  @OptionGroup var deployment: OperatedDeploymentOption

  func run() { operate(.status, deployment) }
}

/// `latchkey keys rotate`.
struct RotateKeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract:
      "Adds a version to the master keys and brings everything under it, while all goes on.",
    discussion: """
      The services take the new file without a restart, then all data keys are wrapped and all values are sealed anew. \
      It may be stopped at any time; run it again, and it goes on where it was. Exits with 0 when the old versions are \
      proved to be unused, and with 1 when not.
      """
  )

  @OptionGroup var deployment: OperatedDeploymentOption

  @Flag(help: "Remove the old versions from the file at the end.")
  var retire = false

  func run() { operate(.rotate(retires: retire), deployment) }
}

/// `latchkey keys retire`.
struct RetireKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retire",
    abstract: "Removes a version from the master keys, once it is proved to be unused.",
    discussion: """
      Backups of the database from before the rotation need it: keep a copy of the file for as long as you keep them.
      """
  )

  @Argument(help: ArgumentHelp("The version.", valueName: "VERSION"))
  var version: UInt32

  @OptionGroup var deployment: OperatedDeploymentOption

  func run() { operate(.retire(version), deployment) }
}

/// Does something to the master keys of running services, and ends the process.
private func operate(_ deed: MasterKeyOperation.Deed, _ deployment: OperatedDeploymentOption) {
  let place = deployment.place
  EventLoop.runMain { await MasterKeyOperation.run(deed, at: place) }
}
