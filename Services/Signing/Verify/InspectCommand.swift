internal import LatchkeyOffline

/// `latchkey-verify inspect`.
enum InspectCommand {
  static func run(_ words: [String]) throws(Complaint) -> Int32 {
    let text = try Input.bytes(of: try Arguments(words, options: []).file())
    do throws(Refusal) {
      let document = try AnyDocument(parsing: text)
      // Neither part can end the string or object it stands in: one is ours, the other was read as JSON.
      Output.write(
        line: Array(#"{"type":"\#(document.type)","isVerified":false,"content":"#.utf8)
          + document.json + Array("}".utf8)
      )
      return ExitStatus.done
    } catch {
      throw Complaint(error.message, status: ExitStatus.of(error.verdict))
    }
  }
}
