internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand

/// The process of `latchkey`.
public enum LatchkeyMain {
  /// Does what its arguments say.
  public static func run() { LatchkeyTool.main() }
}

/// The command-line tool: what can be asked for, and nothing of how it is done.
struct LatchkeyTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latchkey",
    abstract: "Runs Latchkey, the self-hosted licensing platform, on this machine.",
    subcommands: [
      UpCommand.self, DownCommand.self, DeployCommand.self, CertsCommand.self, KeysCommand.self,
      AuditCommand.self, UsersCommand.self, ListenCommand.self, FilesCommand.self,
      SigningCommand.self,
    ]
  )
}

/// What all commands are told.
struct DataDirectoryOption: ParsableArguments {
  @Option(
    name: .customLong("data-dir"),
    help: ArgumentHelp(
      "The folder for all data; made where it does not exist.",
      discussion: "By default .latchkey in the current folder; for root, /var/lib/latchkey.",
      valueName: "DIR"
    )
  )
  var path: String?
}

/// `latchkey up`.
struct UpCommand: ParsableCommand {
  /// A switch that is spelled out.
  enum Switch: String, ExpressibleByArgument, CaseIterable {
    case on, off
  }

  static let configuration = CommandConfiguration(
    commandName: "up",
    abstract: "Starts everything for development and keeps it running until Ctrl-C."
  )

  @OptionGroup var dataDirectory: DataDirectoryOption

  @Option(
    name: .long,
    help: ArgumentHelp("The port to serve HTTPS at.", valueName: "N")
  )
  var port: UInt16 = 8443

  @Option(name: .long, help: "Whether clients are held to rate limits.")
  var rateLimits: Switch = .on

  @Option(
    name: .customLong("config"),
    help: ArgumentHelp(
      "Settings for the services, each on a line NAME=VALUE; the environment goes before them.",
      valueName: "FILE"
    )
  )
  var settingsFile: String?

  func validate() throws {
    guard port > 0 else { throw ValidationError("A port is a number from 1 to 65535.") }
  }

  func run() {
    let options = Up.Options(
      dataDirectory: dataDirectory.path,
      port: port,
      areRateLimitsOn: rateLimits == .on,
      settingsFile: settingsFile
    )
    EventLoop.runMain { await Up(options).run() }
  }
}

/// `latchkey down`.
struct DownCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "down",
    abstract: "Stops what runs in a data directory; the data stays."
  )

  @OptionGroup var dataDirectory: DataDirectoryOption

  func run() {
    let path = dataDirectory.path
    EventLoop.runMain { await Down.run(dataDirectory: path) }
  }
}

/// `latchkey audit`.
struct AuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit",
    abstract: "Looks after the audit log.",
    subcommands: [VerifyAuditCommand.self]
  )
}

/// `latchkey audit verify`.
struct VerifyAuditCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Checks that no line of the audit log was altered, removed or put in between.",
    discussion: """
      Prints a line for each account: its id, how many lines are sealed, and the last seal. Keep that output where \
      the database's administrators cannot change it, and give it to a later run as --heads: then a log that was cut \
      short or made anew is found as well. Exits with 0 when all is well, 1 when something is wrong, and 2 when \
      that cannot be told.
      """
  )

  @OptionGroup var dataDirectory: DataDirectoryOption

  @Option(
    help: ArgumentHelp(
      "Where the database is, if not in a data directory: a libpq connection string.",
      discussion:
        "Log in as latchkey_auditor, or as any role that may read the whole schema `changes`.",
      valueName: "URL"
    )
  )
  var databaseUrl: String?

  @Option(help: ArgumentHelp("The file with the password for --database-url.", valueName: "FILE"))
  var passwordFile: String?

  @Option(
    help: ArgumentHelp(
      "What an earlier run printed; the log must still contain it.",
      valueName: "FILE"
    )
  )
  var heads: String?

  func validate() throws {
    guard databaseUrl == nil || dataDirectory.path == nil else {
      throw ValidationError("Give --data-dir or --database-url, not both.")
    }
    guard databaseUrl != nil || passwordFile == nil else {
      throw ValidationError("--password-file goes with --database-url.")
    }
  }

  func run() {
    let heads = heads
    let source: VerifyAudit.Source =
      if let databaseUrl {
        .database(url: databaseUrl, passwordFile: passwordFile)
      } else {
        .dataDirectory(dataDirectory.path)
      }
    EventLoop.runMain { await VerifyAudit.run(source, headsFile: heads) }
  }
}
