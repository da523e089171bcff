public import EventLoop
internal import Faults
internal import Transcoding

/// `latchkey files return`: takes the deactivation receipt of a machine without a network; its seat is free again.
@EventLoop
public enum ReturnLicenseFile {
  /// Does it.
  ///
  /// - Parameters:
  ///   - receipt: Where the receipt is; `-` for standard input.
  ///   - isJSON: Whether the API's answer is printed, and nothing else.
  ///   - place: Which deployment, and as whom.
  /// - Returns: The exit status.
  public static func run(receipt: String, isJSON: Bool, _ place: APIPlace) async -> Int32 {
    await APICommand.run(place) { (client, console) async throws(Fault) in
      let text = try APICommand.text(of: receipt)
      let answer = try await client.post("/api/v1/license-files/release") { body in
        body.key("receipt")
        body.string(text)
      }
      if isJSON { return console.say(json: answer.data) }
      let serial = answer.json.integer("data", "serial") ?? 0
      let license = answer.json.text("data", "licenseId") ?? ""
      console.say("File \(serial) of license \(license) is given up.")
      if let machine = answer.json.text("data", "machineId") {
        console.say("Machine \(machine) is deactivated: its seat is free.")
      } else {
        console.say("No seat was freed: the machine had none, or had given it back before.")
      }
    }
  }
}
