internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand

/// `latchkey certs`.
struct CertsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "certs",
    abstract: "Looks after the certificates by which services know each other.",
    subcommands: [CertsStatusCommand.self, RenewCertsCommand.self]
  )
}

/// `latchkey certs status`.
struct CertsStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Says when each certificate ends."
  )

  @OptionGroup var dataDirectory: DataDirectoryOption

  func run() {
    let path = dataDirectory.path
    EventLoop.runMain { await CertificatesOperation.run(.status, dataDirectory: path) }
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

  @OptionGroup var dataDirectory: DataDirectoryOption

  @Flag(help: "Renew all of them, as when a key may have been seen.")
  var all = false

  func run() {
    let (path, all) = (dataDirectory.path, all)
    EventLoop.runMain {
      await CertificatesOperation.run(.renew(all: all), dataDirectory: path)
    }
  }
}
