internal import Cryptography
internal import LatchkeyOffline
internal import Primitives

/// `latchkey-verify sign`.
enum SignCommand {
  static func run(_ words: [String]) throws(Complaint) -> Int32 {
    let arguments = try Arguments(words, options: ["--root-key"])
    let path = try arguments.file()
    let option = try arguments.required("--root-key")
    guard path != "-" || option != "-" else {
      throw Complaint("FILE and root key cannot both come from standard input")
    }
    guard let proposed = String(validating: try Input.bytes(of: path), as: UTF8.self) else {
      throw Complaint("\(path) is not UTF-8")
    }
    let root = try Input.rootKey(option)
    do throws(Refusal) {
      let signed = try Succession.sign(proposed, by: root)
      let keyset = try Keyset(
        parsing: Array(signed.utf8),
        as: .succession,
        signedBy: root.publicKey
      )
      Output.write(signed + "\n")
      Output.complain(summary(of: keyset))
      return ExitStatus.done
    } catch {
      throw Complaint(error.message, status: ExitStatus.of(error.verdict))
    }
  }

  /// What was signed, for whoever has the root to look at.
  private static func summary(of keyset: Keyset) -> String {
    var text =
      "Signed succession \(keyset.number) of account \(keyset.accountID), \(keyset.environment.rawValue): "
      + "applications that embed the root accept these keys.\n"
    for key in keyset.keys {
      text += "  \(key.publicKey.id)  \(key.state.rawValue), made \(key.notBefore.iso8601)\n"
    }
    return text
  }
}
