internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand

/// `latchkey listen`.
struct ListenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "listen",
    abstract:
      "Brings the events of the test environment to a receiver on this machine, until Ctrl-C.",
    discussion: """
      One attempt is made for each event, signed with a secret of this run, which is printed. The deployment is the one of \
      LATCHKEY_URL, LATCHKEY_CA_FILE and LATCHKEY_TEST_API_KEY, or else that of the data directory. Validations and \
      heartbeats are told only while an enabled webhook of the environment asks for them.
      """
  )

  @OptionGroup var dataDirectory: DataDirectoryOption

  @Option(help: ArgumentHelp("Where events are posted to.", valueName: "URL"))
  var forward: String

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Only events of these types, such as license.created.", valueName: "TYPE")
  )
  var events: [String] = []

  @Option(help: ArgumentHelp("Where to begin: what an earlier run printed.", valueName: "N"))
  var cursor: String?

  func run() {
    let options = Listen.Options(
      forward: forward,
      events: events,
      dataDirectory: dataDirectory.path,
      cursor: cursor
    )
    EventLoop.runMain { await Listen.run(options) }
  }
}
