public import EventLoop
internal import Faults
internal import Transcoding

/// `latchkey files issue`: turns the request of a machine without a network into its license file.
@EventLoop
public enum IssueLicenseFile {
  /// Does it: the file goes to a file or to standard output, what is to be known of it to people.
  ///
  /// - Parameters:
  ///   - request: Where the request is; `-` for standard input.
  ///   - output: Where the license file goes; nil for standard output.
  ///   - isJSON: Whether the API's answer is printed, and nothing else.
  ///   - place: Which deployment, and as whom.
  /// - Returns: The exit status.
  public static func run(
    request: String,
    output: String?,
    isJSON: Bool,
    _ place: APIPlace
  ) async -> Int32 {
    await APICommand.run(place) { (client, console) async throws(Fault) in
      let text = try APICommand.text(of: request)
      let answer = try await client.post("/api/v1/license-files/request") { body in
        body.key("request")
        body.string(text)
      }
      guard let certificate = answer.json.text("data", "certificate") else {
        throw .unavailable("The gateway gave no license file")
      }
      if let output { try Files.write(certificate + "\n", to: output) }
      if isJSON { return console.say(json: answer.data) }
      if output == nil { console.say(certificate) }
      console.note(summary(answer.json, output: output))
    }
  }

  private static func summary(_ json: JSONAnswer, output: String?) -> String {
    var table = Table()
    table.add(["  license", json.text("data", "license", "id") ?? ""])
    table.add(["  machine", json.text("data", "fingerprint") ?? ""])
    table.add(["  serial", "\(json.integer("data", "serial") ?? 0)"])
    table.add([
      "  valid until",
      "\(Moment.told(json.text("data", "expiresAt") ?? "")) (\(Moment.told(seconds: json.integer("data", "ttl") ?? 0)))",
    ])
    table.add(["  signed by", json.text("data", "keyId") ?? ""])
    let first = output.map { "License file written to \($0)" } ?? "License file made"
    return "\(first)\n\(table.text)"
  }
}
