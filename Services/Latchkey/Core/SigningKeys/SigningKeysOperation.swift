public import EventLoop
internal import Faults
internal import Transcoding

/// `latchkey signing keys`: the keys that sign license files.
@EventLoop
public enum SigningKeysOperation {
  /// What is done.
  public enum Deed: Sendable {
    /// Shows them.
    case list
    /// Has the next key sign, at once or after a time.
    case rotate(overlapSeconds: Int32?, isForced: Bool)
    /// Takes a key out of use, by its id or its name in files; one that is revoked counts nowhere any more.
    case retire(String, isRevoked: Bool, isForced: Bool, reason: String?)
  }

  private static let path = "/api/v1/signing-keys"

  /// Does it, and shows the keys as they are then.
  ///
  /// - Parameters:
  ///   - deed: What.
  ///   - isJSON: Whether the API's answer is printed, and nothing else.
  ///   - place: Which deployment, and as whom.
  /// - Returns: The exit status.
  public static func run(_ deed: Deed, isJSON: Bool, _ place: APIPlace) async -> Int32 {
    await APICommand.run(place) { (client, console) async throws(Fault) in
      let answer = try await answer(to: deed, client)
      if isJSON { return console.say(json: answer.data) }
      console.say(keys(answer.json).text)
      console.note(root(answer.json))
    }
  }

  private static func answer(
    to deed: Deed,
    _ client: APIClient
  ) async throws(Fault) -> APIClient.Answer {
    switch deed {
    case .list: return try await client.get(path)
    case .rotate(let overlapSeconds, let isForced):
      return try await client.post("\(path)/rotate") { body in
        if let overlapSeconds {
          body.key("overlapSeconds")
          body.integer(Int64(overlapSeconds))
        }
        body.key("force")
        body.bool(isForced)
      }
    case .retire(let name, let isRevoked, let isForced, let reason):
      let id = try await id(of: name, client)
      return try await client.post("\(path)/\(id)/retire") { body in
        body.key("revoke")
        body.bool(isRevoked)
        body.key("force")
        body.bool(isForced)
        if let reason {
          body.key("reason")
          body.string(reason)
        }
      }
    }
  }

  /// The id of the key that has an id or a name, or whose name begins so.
  private static func id(of name: String, _ client: APIClient) async throws(Fault) -> String {
    let json = try await client.get(path).json
    let ids = (0..<json.count("data", "keys")).compactMap { index -> String? in
      let key = ["data", "keys", "\(index)"]
      guard let id = json.text(key + ["id"]), let keyID = json.text(key + ["keyId"]) else {
        return nil
      }
      return id == name || keyID.hasPrefix(name) ? id : nil
    }
    guard ids.count < 2 else {
      throw Fault(
        .failedPrecondition,
        "\(name) is the beginning of several keys' names: say more of it"
      )
    }
    guard let id = ids.first, !name.isEmpty else {
      throw Fault(.notFound, "There is no signing key \(name); see latchkey signing keys list")
    }
    return id
  }

  /// The keys of a keyset as a table.
  static func keys(_ json: JSONAnswer) -> Table {
    var table = Table(["KEY", "STATE", "SIGNS FROM", "UNTIL", "LIVE FILES", "VOUCHED FOR"])
    let hasRoot = json.text("data", "root", "keyId") != nil
    for index in 0..<json.count("data", "keys") {
      let key = ["data", "keys", "\(index)"]
      func moment(_ name: String) -> String? { json.text(key + [name]).map { Moment.told($0) } }
      table.add([
        json.text(key + ["keyId"]) ?? "", json.text(key + ["state"]) ?? "",
        moment("activatesAt") ?? "-", moment("revokedAt") ?? moment("retiredAt") ?? "-",
        "\(json.integer(key + ["liveFiles"]) ?? 0)",
        !hasRoot ? "-" : json.isTrue(key + ["inSuccession"]) ? "yes" : "no",
      ])
    }
    return table
  }

  /// What is to be said of the root.
  private static func root(_ json: JSONAnswer) -> String {
    guard let root = json.text("data", "root", "keyId") else {
      return
        "There is no root: applications embed these keys themselves. See latchkey signing root create."
    }
    var isVouched = true
    for index in 0..<json.count("data", "keys") {
      let key = ["data", "keys", "\(index)"]
      guard ["active", "next"].contains(json.text(key + ["state"])) else { continue }
      isVouched = isVouched && json.isTrue(key + ["inSuccession"])
    }
    let advice =
      isVouched
      ? ""
      : "\nThe root has yet to vouch for some of them: see latchkey signing succession propose."
    return "Root \(root).\(advice)"
  }
}
