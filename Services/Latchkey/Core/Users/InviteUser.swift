public import EventLoop
internal import Faults
internal import Logging
internal import Messages
internal import Protobuf
internal import RPC
public import ServiceKit
internal import Stubs
internal import TLS

/// Makes the link by which somebody becomes a user, on the operator's word: `latchkey users invite`.
///
/// So a deployment gets its first owner, and an account one whose owners are all gone.
@EventLoop
public enum InviteUser {
  /// Where the keys service is, and for whose account to invite.
  public enum Source: Sendable {
    /// That of `latchkey up`, which must be running; nil for the default folder.
    case dataDirectory(String?, account: String?)
    /// That of any deployment.
    case service(address: Endpoint, files: TLSFiles, account: String)
  }

  /// How long the keys service may take.
  private static let timeout = Duration.seconds(10)

  /// Does it, and prints the link.
  ///
  /// - Parameters:
  ///   - email: Whom to invite.
  ///   - role: As what, by the name that the API has for it.
  ///   - source: Where.
  /// - Returns: The exit status: 0 when the link was printed, else 1.
  public static func run(email: String, role: String, _ source: Source) async -> Int32 {
    let console = Console()
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    do throws(Fault) {
      let (address, files, account) = try service(source)
      let tls = try TLSContext(files.configuration(.client, applicationProtocols: ["h2"]))
      let channel = Channel(
        host: address.host,
        port: address.port,
        tls: tls,
        serverName: ServiceName.keys.identity,
        connectionsPerAddress: 1
      )
      defer { channel.close() }
      guard let role = Role.schema.number(named: role).flatMap(Role.init(rawValue:)) else {
        throw Fault(.invalidArgument, "There is no role \(role)")
      }
      let invitation = try await UsersClient(channel).issueInvitation(
        IssueInvitationRequest(accountId: account, email: email, role: role),
        CallOptions(timeout: timeout)
      )
      guard let link = invitation.link else {
        throw .internalError("An invitation came without its link")
      }
      console.say(link)
      return 0
    } catch {
      console.complain(error.told)
      return 1
    }
  }

  /// The names of all roles.
  public nonisolated static let roles = Role.allCases.compactMap {
    Role.schema.name(of: $0.rawValue)
  }

  private static func service(
    _ source: Source
  ) throws(Fault) -> (address: Endpoint, files: TLSFiles, account: String) {
    switch source {
    case .service(let address, let files, let account): return (address, files, account)
    case .dataDirectory(let path, let account):
      let directory = try DataDirectory.chosen(path)
      guard case .ours = try directory.state(), Files.exists(directory.environmentFile) else {
        throw Fault(.failedPrecondition, "There is no Latchkey in \(directory.path)")
      }
      let environment = DevEnvironment(text: try Files.read(directory.environmentFile))
      guard let address = environment[ServiceName.keys.addressVariable].flatMap(Endpoint.init),
        let certificate = environment["LATCHKEY_RPC_CERT_FILE"],
        let key = environment["LATCHKEY_RPC_KEY_FILE"],
        let authorities = environment["LATCHKEY_RPC_CA_FILE"]
      else {
        throw Fault(.dataLoss, "\(directory.environmentFile) does not say where the services are")
      }
      let files = TLSFiles(certificate: certificate, key: key, authorities: authorities)
      if let account { return (address, files, account) }
      return (address, files, try SettingsFile.readLine(directory.accountIDFile))
    }
  }
}

extension Fault {
  /// The same, with each field that was refused in the sentence.
  fileprivate var told: Fault {
    guard !issues.isEmpty else { return self }
    let refused = issues.map { "\($0.path.joined(separator: ".")): \($0.message)" }
    return Fault(code, refused.joined(separator: "; "))
  }
}
