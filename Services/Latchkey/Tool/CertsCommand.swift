internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand

/// `latchkey certs`.
struct CertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certs",
    abstract: "Looks after the certificates by which services know each other.",
    subcommands: [CreateCertsCommand.self, CertsStatusCommand.self, RenewCertsCommand.self]
  )
}

/// Where certificates are.
struct CertificatesPlaceOptions: ParsableArguments {
  @OptionGroup var dataDirectory: DataDirectoryOption

  @Option(
    name: .customLong("dir"),
    help: ArgumentHelp(
      "The folder that `certs create` has filled, if not a data directory.",
      valueName: "DIR"
    )
  )
  var folder: String?

  func validate() throws {
    guard folder == nil || dataDirectory.path == nil else {
      throw ValidationError("Give --data-dir or --dir, not both.")
    }
  }

  var place: CertificatesOperation.Place {
    folder.map { .folder($0) } ?? .dataDirectory(dataDirectory.path)
  }
}

/// `latchkey certs create`.
struct CreateCertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create",
    abstract: "Makes a private authority and a certificate for each service, in a folder.",
    discussion: """
      For services that are started by other means than `latchkey up` and compose.yaml, which make their own. Each service \
      is given its SERVICE.pem, SERVICE.key and rpc-ca.pem as LATCHKEY_RPC_CERT_FILE, LATCHKEY_RPC_KEY_FILE and \
      LATCHKEY_RPC_CA_FILE; the gateway has https.pem and https.key for users besides, who trust https-ca.pem. The \
      authorities' keys are for `latchkey certs renew` alone.

      Certificates of services are valid for 14 days: run `latchkey certs renew` every day. A folder that has certificates \
      is left as it is.
      """
  )

  @Option(
    name: .customLong("dir"),
    help: ArgumentHelp("The folder for them; made where it does not exist.", valueName: "DIR")
  )
  var folder: String

  @Option(
    name: .customLong("name"),
    help: ArgumentHelp(
      "A name or an address that users call the gateway by, besides localhost; may be given more than once.",
      valueName: "HOST"
    )
  )
  var names: [String] = []

  func run() {
    let (folder, names) = (folder, names)
    EventLoop.runMain { await CertificatesOperation.create(in: folder, names: names) }
  }
}

/// `latchkey certs status`.
struct CertsStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says when each certificate ends."
  )

  @OptionGroup var options: CertificatesPlaceOptions

  func run() {
    let place = options.place
    EventLoop.runMain { await CertificatesOperation.run(.status, at: place) }
  }
}

/// `latchkey certs renew`.
struct RenewCertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "renew",
    abstract: "Makes anew the certificates that end soon.",
    discussion: """
      `latchkey up` does so by itself. Running services take new certificates within 10 seconds, without a restart; \
      connections that are open stay as they are.
      """
  )

  @OptionGroup var options: CertificatesPlaceOptions

  @Flag(help: "Renew all of them, as when a key may have been seen.")
  var all = false

  func run() {
    let (place, all) = (options.place, all)
    EventLoop.runMain { await CertificatesOperation.run(.renew(all: all), at: place) }
  }
}
