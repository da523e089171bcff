internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand

/// The command-line tool: what can be asked for, and nothing of how it is done.
@main
struct LatchkeyTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "latchkey",
    abstract: "Runs Latchkey, the self-hosted licensing platform, on this machine.",
    subcommands: [UpCommand.self, DownCommand.self]
  )
}

/// What both commands are told.
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

  func validate() throws {
    guard port > 0 else { throw ValidationError("A port is a number from 1 to 65535.") }
  }

  func run() {
    let options = Up.Options(
      dataDirectory: dataDirectory.path,
      port: port,
      areRateLimitsOn: rateLimits == .on
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
