public import EventLoop
internal import Faults
internal import Transcoding

/// `latchkey files list` and `revoke`: which files were made of a license, and which of them count no more.
@EventLoop
public enum ListLicenseFiles {
  /// Shows all files of a license, newest first.
  ///
  /// - Parameters:
  ///   - license: Its id.
  ///   - isJSON: Whether each page of the API is printed on a line, and nothing else.
  ///   - place: Which deployment, and as whom.
  /// - Returns: The exit status.
  public static func run(license: String, isJSON: Bool, _ place: APIPlace) async -> Int32 {
    await APICommand.run(place) { (client, console) async throws(Fault) in
      let license = try APICommand.id(license)
      var table = Table(["SERIAL", "ISSUED", "EXPIRES", "STATE", "SIGNED BY", "MACHINE"])
      var cursor: String?
      var count = 0
      repeat {
        let query = "?limit=100" + (cursor.map { "&cursor=\($0)" } ?? "")
        let page = try await client.get("/api/v1/licenses/\(license)/files\(query)")
        if isJSON { console.say(json: page.body) }
        let own = page.json.count("data")
        for index in 0..<own { table.add(row(page.json, ["data", "\(index)"])) }
        count += own
        cursor = page.json.text("pagination", "nextCursor")
      } while cursor != nil
      if isJSON { return }
      console.say(count == 0 ? "No files were made of this license." : table.text)
    }
  }

  /// Revokes files of a license for good.
  ///
  /// - Parameters:
  ///   - license: Its id.
  ///   - serial: The file; nil for all that are unexpired.
  ///   - reason: Why, for the audit log.
  ///   - isJSON: Whether the API's answer is printed, and nothing else.
  ///   - place: Which deployment, and as whom.
  /// - Returns: The exit status.
  public static func revoke(
    license: String,
    serial: Int64?,
    reason: String?,
    isJSON: Bool,
    _ place: APIPlace
  ) async -> Int32 {
    await APICommand.run(place) { (client, console) async throws(Fault) in
      let license = try APICommand.id(license)
      let answer = try await client.post("/api/v1/licenses/\(license)/files/revoke") { body in
        if let serial {
          body.key("serial")
          body.integer(serial)
        }
        if let reason {
          body.key("reason")
          body.string(reason)
        }
      }
      if isJSON { return console.say(json: answer.data) }
      let count = answer.json.integer("data", "revokedCount") ?? 0
      console.say(
        count == 1
          ? "1 file is on the list of revoked ones."
          : "\(count) files are on the list of revoked ones."
      )
    }
  }

  private static func row(_ json: JSONAnswer, _ file: [String]) -> [String] {
    func text(_ name: String) -> String? { json.text(file + [name]) }
    let state =
      text("revokedAt").map { "revoked \(Moment.told($0))" } ?? "issued"
    return [
      "\(json.integer(file + ["serial"]) ?? 0)", Moment.told(text("issuedAt") ?? ""),
      Moment.told(text("expiresAt") ?? ""), state, text("keyId") ?? "", text("machineId") ?? "-",
    ]
  }
}
