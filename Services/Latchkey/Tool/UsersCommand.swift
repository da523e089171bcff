internal import ArgumentParser
internal import EventLoop
internal import LatchkeyCommand
internal import ServiceKit

/// `latchkey users`.
struct UsersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "users",
    abstract: "Looks after who may log in to the dashboard.",
    subcommands: [InviteUserCommand.self]
  )
}

/// `latchkey users invite`.
struct InviteUserCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invite",
    abstract: "Prints the link by which somebody becomes a user.",
    discussion: """
      The link works once, for 7 days; whoever has it becomes the user. Without further options it is for the account \
      of `latchkey up`, which must be running. For another deployment name its keys service and the files of the \
      identity `operator`.
      """
  )

  @Argument(help: ArgumentHelp("The e-mail address of the user-to-be.", valueName: "email"))
  var email: String

  @Option(help: "One of \(InviteUser.roles.joined(separator: ", ")).")
  var role = "owner"

  @OptionGroup var dataDirectory: DataDirectoryOption

  @Option(help: ArgumentHelp("The account, if it is not that of `latchkey up`.", valueName: "ID"))
  var account: String?

  @Option(help: ArgumentHelp("Where the keys service is.", valueName: "HOST:PORT"))
  var keysAddress: String?

  @Option(help: ArgumentHelp("The authority of the services' certificates.", valueName: "FILE"))
  var rpcCaFile: String?

  @Option(help: ArgumentHelp("The operator's certificate.", valueName: "FILE"))
  var rpcCertFile: String?

  @Option(help: ArgumentHelp("The key of the operator's certificate.", valueName: "FILE"))
  var rpcKeyFile: String?

  func validate() throws {
    guard InviteUser.roles.contains(role) else {
      throw ValidationError("A role is one of \(InviteUser.roles.joined(separator: ", ")).")
    }
    let others = [keysAddress, rpcCaFile, rpcCertFile, rpcKeyFile]
    guard others.allSatisfy({ $0 == nil }) || service != nil else {
      throw ValidationError(
        "--keys-address HOST:PORT, --rpc-ca-file, --rpc-cert-file, --rpc-key-file and --account go together."
      )
    }
    guard service == nil || dataDirectory.path == nil else {
      throw ValidationError("Give --data-dir or --keys-address, not both.")
    }
  }

  private var service: InviteUser.Source? {
    guard let address = keysAddress.flatMap(Endpoint.init), let rpcCaFile, let rpcCertFile,
      let rpcKeyFile, let account
    else { return nil }
    let files = TLSFiles(certificate: rpcCertFile, key: rpcKeyFile, authorities: rpcCaFile)
    return .service(address: address, files: files, account: account)
  }

  func run() {
    let (email, role) = (email, role)
    let source = service ?? .dataDirectory(dataDirectory.path, account: account)
    EventLoop.runMain { await InviteUser.run(email: email, role: role, source) }
  }
}
