internal import LatchkeyOffline
internal import Primitives

/// `latchkey-verify release`.
enum ReleaseCommand {
  static func run(_ words: [String]) throws(Complaint) -> Int32 {
    let arguments = try Arguments(words, options: ["--license-key", "--fingerprint"])
    let path = try arguments.file()
    let fingerprint = try arguments.required("--fingerprint")
    let option = arguments.text("--license-key")
    guard path != "-" || option != "-" else {
      throw Complaint("FILE and license key cannot both come from standard input")
    }
    let text = try Input.bytes(of: path)
    let licenseKey = try Input.requiredLicenseKey(option)
    do throws(Refusal) {
      let file = try LicenseFile(parsing: text)
      let receipt = try DeactivationReceipt.make(
        for: file,
        provedBy: try FileSecret(licenseKey: licenseKey),
        fingerprint: fingerprint,
        at: .now()
      )
      Output.write(receipt.text + "\n")
      Output.complain(
        "The file is given up: from now on check with --last-seen-serial \(file.header.serial + 1).\n"
      )
      return ExitStatus.done
    } catch {
      throw Complaint(error.message, status: ExitStatus.of(error.verdict))
    }
  }
}
