public import EventLoop
internal import Faults
internal import ServiceKit
internal import Transcoding

/// `latchkey signing export`: what verifiers without a network are brought, as everybody may read it.
@EventLoop
public enum ExportPublished {
  /// Which document.
  public enum Document: String, Sendable, CaseIterable {
    /// The keys, what has become of them, and the lists of revoked files.
    case keys
    /// The lists of revoked files alone.
    case revocations
  }

  /// Writes the document.
  ///
  /// - Parameters:
  ///   - document: Which.
  ///   - account: Whose; nil for the account of `latchkey up`.
  ///   - output: Where to; nil for standard output.
  ///   - place: Which deployment; nobody needs a key for it.
  /// - Returns: The exit status.
  public static func run(
    _ document: Document,
    account: String?,
    output: String?,
    _ place: APIPlace
  ) async -> Int32 {
    await APICommand.run(place, isAnonymous: true) { (client, console) async throws(Fault) in
      let owner: String
      if let account {
        owner = try APICommand.id(account)
      } else {
        owner = try ownAccount(place)
      }
      let path = "/.well-known/latchkey/\(document.rawValue)/\(owner).json"
      let answer = try await client.get(path)
      guard let output else { return console.say(json: answer.body) }
      try Files.write(answer.body, to: output)
      console.say("\(client.url)\(path) is written to \(output).")
    }
  }

  private static func ownAccount(_ place: APIPlace) throws(Fault) -> String {
    let directory = try DataDirectory.chosen(place.dataDirectory)
    guard Files.exists(directory.accountIDFile) else {
      throw Fault(.failedPrecondition, "Say whose with --account")
    }
    return try SettingsFile.readLine(directory.accountIDFile)
  }
}
