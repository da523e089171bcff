public import EventLoop
internal import Faults
internal import Transcoding

/// `latchkey signing root` and `signing succession`: what vouches for the signing keys.
@EventLoop
public enum SigningRootOperation {
  /// What is done.
  public enum Deed: Sendable {
    /// Makes the root, and writes its private half to a new file: it is shown once and kept nowhere else.
    case create(output: String, replaces: Bool)
    /// Takes the public half of a root that was made elsewhere.
    case adopt(publicKey: String, replaces: Bool)
    /// Writes the succession that the root is to sign; nil for standard output.
    case propose(output: String?)
    /// Installs a succession that the root has signed.
    case install(String)
  }

  private static let path = "/api/v1/signing-root"

  /// Does it.
  ///
  /// - Parameters:
  ///   - deed: What.
  ///   - isJSON: Whether the API's answer is printed, but for a private key, and nothing else.
  ///   - place: Which deployment, and as whom.
  /// - Returns: The exit status.
  public static func run(_ deed: Deed, isJSON: Bool, _ place: APIPlace) async -> Int32 {
    await APICommand.run(place) { (client, console) async throws(Fault) in
      switch deed {
      case .create(let output, let replaces):
        try await create(output, replaces: replaces, isJSON: isJSON, client, console)
      case .adopt(let publicKey, let replaces):
        let answer = try await client.post(path) { body in
          body.key("publicKey")
          body.string(publicKey)
          body.key("replace")
          body.bool(replaces)
        }
        if isJSON { return console.say(json: answer.data) }
        console.say("Root \(answer.json.text("data", "keyId") ?? "") is installed.")
        console.note(
          "It has yet to sign the first succession: see latchkey signing succession propose."
        )
      case .propose(let output):
        let answer = try await client.get("\(path)/succession")
        guard let unsigned = answer.json.text("data", "unsigned") else {
          throw .unavailable("The gateway proposed nothing")
        }
        if let output { try Files.write(unsigned + "\n", to: output) }
        if isJSON { return console.say(json: answer.data) }
        if output == nil { console.say(unsigned) }
        console.note(
          "Where the root is: latchkey-verify sign \(output ?? "FILE") --root-key @ROOT > succession, "
            + "then here: latchkey signing succession install succession"
        )
      case .install(let input):
        let text = try APICommand.text(of: input)
        let answer = try await client.post("\(path)/succession") { body in
          body.key("succession")
          body.string(text)
        }
        if isJSON { return console.say(json: answer.data) }
        console.say(SigningKeysOperation.keys(answer.json).text)
      }
    }
  }

  private static func create(
    _ output: String,
    replaces: Bool,
    isJSON: Bool,
    _ client: APIClient,
    _ console: Console
  ) async throws(Fault) {
    // Whatever is there may be the only copy of another root.
    guard !Files.exists(output) else {
      throw Fault(.failedPrecondition, "\(output) exists; a root is written to a new file")
    }
    // Found out before there is a root that could not be written down.
    try Files.write("", to: output)
    let answer: APIClient.Answer
    do throws(Fault) {
      answer = try await client.post(path) { body in
        body.key("replace")
        body.bool(replaces)
      }
    } catch {
      try Files.removeTree(output)
      throw error
    }
    guard let privateKey = answer.json.text("data", "privateKey"),
      let publicKey = answer.json.text("data", "publicKey"),
      let keyID = answer.json.text("data", "keyId")
    else { throw .unavailable("The gateway gave no root") }
    try Files.write(privateKey + "\n", to: output)
    if isJSON {
      var text = JSONText()
      text.beginObject()
      text.key("keyId")
      text.string(keyID)
      text.key("publicKey")
      text.string(publicKey)
      text.key("privateKeyFile")
      text.string(output)
      text.endObject()
      return console.say(json: text.bytes)
    }
    var table = Table()
    table.add(["  key", keyID])
    table.add(["  embed this", publicKey])
    table.add(["  private half", output])
    console.say("The root is made, and has vouched for the signing keys.\n\(table.text)")
    console.note(
      "The private half is in that file and nowhere else. Keep it offline, and a copy in another place: without it no "
        + "later key can be vouched for."
    )
  }
}
