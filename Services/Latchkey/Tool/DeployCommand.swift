internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand

/// `latchkey deploy`.
struct DeployCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deploy",
    abstract: "Does what a deployment in containers needs beside its services.",
    discussion: """
      Each service has volumes that it alone is given; compose.yaml runs these commands with all volumes that each needs, \
      mounted in one folder.
      """,
    subcommands: [
      SetUpCommand.self, RenewVolumesCommand.self, MigrateCommand.self, AccountCommand.self,
      AuthorityCommand.self,
    ]
  )
}

/// Where a deployment's volumes are, and how users call it.
struct DeployedPlaceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The folder that all volumes are mounted in.", valueName: "DIR"))
  var volumes = "/var/lib/latchkey"

  @Option(help: ArgumentHelp("Where users find the gateway.", valueName: "URL"))
  var url = "https://localhost:8443"

  var place: DeployOperation.Place { DeployOperation.Place(volumes: volumes, url: url) }
}

/// `latchkey deploy setup`.
struct SetUpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "setup",
    abstract: "Makes secrets and certificates that are missing, each in its holder's volume."
  )

  @OptionGroup var options: DeployedPlaceOptions

  func run() { deploy(.setUp, options) }
}

/// `latchkey deploy renew`.
struct RenewVolumesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew",
    abstract: "Renews certificates in time, until it is told to stop.",
    discussion: "Running services take new certificates within 10 seconds, without a restart."
  )

  @OptionGroup var options: DeployedPlaceOptions

  func run() { deploy(.renew, options) }
}

/// `latchkey deploy migrate`.
struct MigrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Makes the roles and the database, and brings its schemas up to date."
  )

  @OptionGroup var options: DeployedPlaceOptions

  @Option(
    help: ArgumentHelp(
      "How to reach the database's server, as libpq reads it: `host=... sslmode=verify-full sslrootcert=...`.",
      valueName: "CONNECTION"
    )
  )
  var server: String

  @Option(help: ArgumentHelp("A role that may make roles and databases.", valueName: "ROLE"))
  var administrator = "latchkey_admin"

  @Option(
    help: ArgumentHelp(
      "The file with its password, if it is not the one that `setup` has made.",
      valueName: "FILE"
    )
  )
  var passwordFile: String?

  func run() {
    let administrator = DeployOperation.Administrator(
      server: server,
      name: administrator,
      passwordFile: passwordFile
    )
    deploy(.migrate(administrator), options)
  }
}

/// `latchkey deploy account`.
struct AccountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account",
    abstract: "Makes the first account with its API keys, once, and prints them.",
    discussion: """
      The keys are kept for the next time, in the operator's volume, until --forget drops them. Others are then made with \
      the API or in the dashboard; `latchkey users invite` brings somebody there.
      """
  )

  @OptionGroup var options: DeployedPlaceOptions

  @Flag(help: "Drop the kept keys for good, instead; they stay valid.")
  var forget = false

  func run() { deploy(forget ? .forgetKeys : .account, options) }
}

/// `latchkey deploy authority`.
struct AuthorityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "authority",
    abstract: "Prints the authority of the certificate that `setup` has made for the gateway."
  )

  @OptionGroup var options: DeployedPlaceOptions

  func run() { deploy(.authority, options) }
}

/// Does something for a deployment in containers, and ends the process.
private func deploy(_ deed: DeployOperation.Deed, _ options: DeployedPlaceOptions) {
  let place = options.place
  EventLoop.runMain { await DeployOperation.run(deed, at: place) }
}
