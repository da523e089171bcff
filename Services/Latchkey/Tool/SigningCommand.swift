internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand

/// `latchkey signing`.
struct SigningCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signing",
    abstract: "Looks after the keys that license files are signed with.",
    subcommands: [
      SigningKeysCommand.self, SigningRootCommand.self, SuccessionCommand.self,
      ExportCommand.self,
    ]
  )
}

/// `latchkey signing keys`.
struct SigningKeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys",
    abstract: "Shows, rotates and withdraws signing keys.",
    subcommands: [
      ListKeysCommand.self, RotateKeyCommand.self, RetireSigningKeyCommand.self,
      RevokeSigningKeyCommand.self,
    ]
  )
}

/// `latchkey signing keys list`.
struct ListKeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Shows the signing keys, and how many live files each has signed.",
    discussion: APIOptions.discussion
  )

  @OptionGroup var options: APIOptions

  func run() { operate(.list, options) }
}

/// `latchkey signing keys rotate`.
struct RotateKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotate",
    abstract: "Has the next key sign, and publishes the one that will follow it.",
    discussion: APIOptions.discussion
  )

  @Option(
    help: ArgumentHelp(
      "How long the present key goes on; it stops at once otherwise.",
      valueName: "SECONDS"
    )
  )
  var overlap: Int32?

  @Flag(help: "Rotate although the root has not vouched for the next key yet.")
  var force = false

  @OptionGroup var options: APIOptions

  func run() { operate(.rotate(overlapSeconds: overlap, isForced: force), options) }
}

/// Which key comes to its end, by retiring or by revoking it.
struct EndedKeyOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The key's name in files, its beginning, or its id.", valueName: "KEY")
  )
  var key: String

  @Flag(help: "Go on although live files are signed by it.")
  var force = false

  @Option(help: "Why, for the audit log.")
  var reason: String?

  func deed(isRevoked: Bool) -> SigningKeysOperation.Deed {
    .retire(key, isRevoked: isRevoked, isForced: force, reason: reason)
  }
}

/// `latchkey signing keys retire`.
struct RetireSigningKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retire",
    abstract: "Takes a key out of use; what it has signed counts until it expires.",
    discussion: APIOptions.discussion
  )

  @OptionGroup var ended: EndedKeyOptions
  @OptionGroup var options: APIOptions

  func run() { operate(ended.deed(isRevoked: false), options) }
}

/// `latchkey signing keys revoke`.
struct RevokeSigningKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "Withdraws a key, as a stolen one must be: nothing that it ever signed counts.",
    discussion: APIOptions.discussion
  )

  @OptionGroup var ended: EndedKeyOptions
  @OptionGroup var options: APIOptions

  func run() { operate(ended.deed(isRevoked: true), options) }
}

/// Does something to signing keys, and ends the process.
private func operate(_ deed: SigningKeysOperation.Deed, _ options: APIOptions) {
  let (isJSON, place) = (options.json, options.place)
  EventLoop.runMain { await SigningKeysOperation.run(deed, isJSON: isJSON, place) }
}

/// `latchkey signing root`.
struct SigningRootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "root",
    abstract: "Makes what vouches for all signing keys.",
    subcommands: [CreateRootCommand.self]
  )
}

/// `latchkey signing root create`.
struct CreateRootCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract:
      "Makes the root and writes its private half to a file, once; or takes one that was made elsewhere.",
    discussion: APIOptions.discussion
  )

  @Option(help: ArgumentHelp("The new file for the private half.", valueName: "FILE"))
  var out: String?

  @Option(
    help: ArgumentHelp("The public half of a root that was made elsewhere.", valueName: "KEY")
  )
  var publicKey: String?

  @Flag(
    help:
      "Put it in the place of the present root: what embeds that one accepts nothing that follows."
  )
  var replace = false

  @OptionGroup var options: APIOptions

  func validate() throws {
    guard (out == nil) != (publicKey == nil) else {
      throw ValidationError("Give either --out FILE or --public-key KEY.")
    }
  }

  func run() {
    let deed: SigningRootOperation.Deed =
      if let out {
        .create(output: out, replaces: replace)
      } else {
        .adopt(publicKey: publicKey ?? "", replaces: replace)
      }
    operate(deed, options)
  }
}

/// `latchkey signing succession`.
struct SuccessionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "succession",
    abstract: "Has the root vouch for the signing keys as they are: after each rotation.",
    discussion: """
      `propose` writes what the root is to sign, `latchkey-verify sign` signs it where the root is, `install` publishes it.
      """,
    subcommands: [ProposeCommand.self, InstallCommand.self]
  )
}

/// `latchkey signing succession propose`.
struct ProposeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "propose",
    abstract: "Writes the succession that the root is to sign now.",
    discussion: APIOptions.discussion
  )

  @Option(help: ArgumentHelp("Where it goes; standard output otherwise.", valueName: "FILE"))
  var out: String?

  @OptionGroup var options: APIOptions

  func run() { operate(.propose(output: out), options) }
}

/// `latchkey signing succession install`.
struct InstallCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install",
    abstract: "Publishes a succession that the root has signed.",
    discussion: APIOptions.discussion
  )

  @Argument(
    help: ArgumentHelp(
      "What `latchkey-verify sign` wrote; - for standard input.",
      valueName: "FILE"
    )
  )
  var file: String

  @OptionGroup var options: APIOptions

  func run() { operate(.install(file), options) }
}

/// Does something about the root, and ends the process.
private func operate(_ deed: SigningRootOperation.Deed, _ options: APIOptions) {
  let (isJSON, place) = (options.json, options.place)
  EventLoop.runMain { await SigningRootOperation.run(deed, isJSON: isJSON, place) }
}

/// `latchkey signing export`.
struct ExportCommand: ParsableCommand {
  /// What there is to be read.
  enum Document: String, ExpressibleByArgument, CaseIterable {
    case keys, revocations
  }

  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes what is published, to be carried to machines without a network.",
    discussion: "Everybody may read it: no key is needed. \(APIOptions.discussion)"
  )

  @Argument(
    help: ArgumentHelp(
      "`keys`, with the lists of revoked files, or `revocations` alone.",
      valueName: "DOCUMENT"
    )
  )
  var document: Document

  @Option(help: ArgumentHelp("Where it goes; standard output otherwise.", valueName: "FILE"))
  var out: String?

  @Option(help: ArgumentHelp("The account, if it is not that of `latchkey up`.", valueName: "ID"))
  var account: String?

  @OptionGroup var dataDirectory: DataDirectoryOption

  func run() {
    let document: ExportPublished.Document =
      switch document {
      case .keys: .keys
      case .revocations: .revocations
      }
    let (out, account) = (out, account)
    let place = APIPlace(dataDirectory: dataDirectory.path, isLive: false)
    EventLoop.runMain { await ExportPublished.run(document, account: account, output: out, place) }
  }
}
