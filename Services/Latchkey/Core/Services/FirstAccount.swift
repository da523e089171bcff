internal import EventLoop
internal import Faults
internal import Messages
internal import Primitives
internal import RPC
internal import ServiceKit
internal import Stubs

/// The account of a deployment, with an API key for each environment.
///
/// They are made once. The account's id is written down before the account is made, and making it again
/// answers with the one that is there; so a start that was interrupted goes on where it was.
@EventLoop
struct FirstAccount {
  /// What users need of the account.
  struct Credentials: Sendable {
    var testAPIKey: String
    var liveAPIKey: String
    var signingKey: String
  }

  private let files: any DeploymentFiles
  private let name: String
  private let client: KeysClient

  /// - Parameters:
  ///   - files: Where it is written down.
  ///   - name: What it is called.
  ///   - channel: To the keys service.
  init(_ files: any DeploymentFiles, name: String, channel: Channel) {
    self.files = files
    self.name = name
    client = KeysClient(channel)
  }

  /// Finds what there is, and makes what is missing.
  ///
  /// - Returns: The credentials, and whether any of them is new.
  func prepare() async throws(Fault) -> (Credentials, isNew: Bool) {
    let id = try accountID()
    let account = try await client.createAccount(
      CreateAccountRequest(accountId: id, name: name)
    )
    let kept = try keptEnvironment()
    let keptTest = kept["LATCHKEY_TEST_API_KEY"]
    let keptLive = kept["LATCHKEY_LIVE_API_KEY"]
    let test = try await key(.test, of: id, kept: keptTest)
    let live = try await key(.live, of: id, kept: keptLive)
    return (
      Credentials(testAPIKey: test, liveAPIKey: live, signingKey: account.signingKey),
      isNew: keptTest == nil || keptLive == nil
    )
  }

  private func accountID() throws(Fault) -> String {
    if Files.exists(files.accountIDFile) {
      let text = try SettingsFile.readLine(files.accountIDFile)
      guard let id = UUID(text) else {
        throw Fault(.dataLoss, "\(files.accountIDFile) is damaged: it holds no account id")
      }
      return id.description
    }
    let id = UUID.v7(at: .now()).description
    try Files.write("\(id)\n", to: files.accountIDFile)
    return id
  }

  private func keptEnvironment() throws(Fault) -> DevEnvironment {
    guard Files.exists(files.environmentFile) else { return DevEnvironment() }
    return DevEnvironment(text: try Files.read(files.environmentFile))
  }

  private func key(
    _ environment: ApiKey.Environment,
    of account: String,
    kept: String?
  ) async throws(Fault) -> String {
    if let kept { return kept }
    let key = try await client.issueApiKey(
      IssueApiKeyRequest(
        accountId: account,
        environment: environment,
        name: "Made by latchkey"
      )
    )
    guard let secret = key.key else { throw .internalError("A new API key came without the key") }
    return secret
  }
}
