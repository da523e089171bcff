internal import Glibc

/// The command: everything it needs is given to it, and nothing stays behind.
///
/// No network, no database, no event loop.
@main
struct LatchkeyVerify {
  static func main() {
    var words = Array(CommandLine.arguments.dropFirst())
    guard let name = words.first else {
      Output.complain(Usage.text)
      exit(ExitStatus.usage)
    }
    words.removeFirst()
    exit(status(of: name, words))
  }

  private static func status(of command: String, _ words: [String]) -> Int32 {
    if words.contains("--help") || words.contains("-h") {
      Output.write(Usage.text)
      return ExitStatus.done
    }
    do throws(Complaint) {
      switch command {
      case "verify": return try VerifyCommand.run(words)
      case "inspect": return try InspectCommand.run(words)
      case "request": return try RequestCommand.run(words)
      case "release": return try ReleaseCommand.run(words)
      case "sign": return try SignCommand.run(words)
      case "fingerprint": return try FingerprintCommand.run(words)
      case "help", "--help", "-h":
        Output.write(Usage.text)
        return ExitStatus.done
      default: throw Complaint("there is no command \(command); see latchkey-verify help")
      }
    } catch {
      Output.complain("latchkey-verify: \(error.message)\n")
      return error.status
    }
  }
}
