internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand

/// `latchkey files`.
struct FilesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "files",
    abstract: "Makes license files for machines without a network, and takes them back.",
    discussion: """
      On the closed machine `latchkey-verify request` makes a request; here `files issue` turns it into a license file; \
      there `latchkey-verify verify` checks it. `latchkey-verify release` makes a receipt; here `files return` takes it.
      """,
    subcommands: [
      IssueFileCommand.self, ReturnFileCommand.self, ListFilesCommand.self, RevokeFilesCommand.self,
    ]
  )
}

/// `latchkey files issue`.
struct IssueFileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "issue",
    abstract: "Activates the machine of a request, and makes its license file.",
    discussion: APIOptions.discussion
  )

  @Argument(
    help: ArgumentHelp(
      "What `latchkey-verify request` wrote; - for standard input.",
      valueName: "REQUEST"
    )
  )
  var request: String

  @Option(
    help: ArgumentHelp("Where the license file goes; standard output otherwise.", valueName: "FILE")
  )
  var out: String?

  @OptionGroup var licenseKey: LicenseKeyOption
  @OptionGroup var options: APIOptions

  func run() {
    let (request, out, isJSON) = (request, out, options.json)
    let place = licenseKey.place(options)
    EventLoop.runMain {
      await IssueLicenseFile.run(request: request, output: out, isJSON: isJSON, place)
    }
  }
}

/// `latchkey files return`.
struct ReturnFileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "return",
    abstract: "Takes the receipt of a machine that has given up its file: its seat is free again.",
    discussion: APIOptions.discussion
  )

  @Argument(
    help: ArgumentHelp(
      "What `latchkey-verify release` wrote; - for standard input.",
      valueName: "RECEIPT"
    )
  )
  var receipt: String

  @OptionGroup var licenseKey: LicenseKeyOption
  @OptionGroup var options: APIOptions

  func run() {
    let (receipt, isJSON) = (receipt, options.json)
    let place = licenseKey.place(options)
    EventLoop.runMain { await ReturnLicenseFile.run(receipt: receipt, isJSON: isJSON, place) }
  }
}

/// `latchkey files list`.
struct ListFilesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Shows the files that were made of a license.",
    discussion: APIOptions.discussion
  )

  @Argument(help: ArgumentHelp("The license's id.", valueName: "LICENSE"))
  var license: String

  @OptionGroup var options: APIOptions

  func run() {
    let (license, isJSON, place) = (license, options.json, options.place)
    EventLoop.runMain { await ListLicenseFiles.run(license: license, isJSON: isJSON, place) }
  }
}

/// `latchkey files revoke`.
struct RevokeFilesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke",
    abstract: "Puts files of a license on the list of revoked ones, for good.",
    discussion: APIOptions.discussion
  )

  @Argument(help: ArgumentHelp("The license's id.", valueName: "LICENSE"))
  var license: String

  @Option(help: ArgumentHelp("The file; all that are unexpired otherwise.", valueName: "N"))
  var serial: Int64?

  @Option(help: "Why, for the audit log.")
  var reason: String?

  @OptionGroup var options: APIOptions

  func run() {
    let (license, serial, reason, isJSON) = (license, serial, reason, options.json)
    let place = options.place
    EventLoop.runMain {
      await ListLicenseFiles.revoke(
        license: license,
        serial: serial,
        reason: reason,
        isJSON: isJSON,
        place
      )
    }
  }
}
