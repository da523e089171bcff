internal import LatchkeyOffline
internal import Primitives

/// `latchkey-verify request`.
enum RequestCommand {
  static func run(_ words: [String]) throws(Complaint) -> Int32 {
    let arguments = try Arguments(
      words,
      options: ["--license-key", "--fingerprint", "--ttl", "--machine-name"]
    )
    try arguments.checkNoFile()
    let fingerprint = try arguments.required("--fingerprint")
    let ttlSeconds = try arguments.number("--ttl")
    let licenseKey = try Input.requiredLicenseKey(arguments.text("--license-key"))
    do throws(Refusal) {
      let request = try LicenseRequest.make(
        licenseKey: licenseKey,
        fingerprint: fingerprint,
        ttlSeconds: ttlSeconds,
        machineName: arguments.text("--machine-name"),
        at: .now()
      )
      Output.write(request.text + "\n")
      return ExitStatus.done
    } catch {
      throw Complaint(error.message)
    }
  }
}
