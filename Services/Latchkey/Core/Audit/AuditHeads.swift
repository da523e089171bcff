internal import Changes
internal import Faults
internal import Primitives

/// Heads of audit chains as `latchkey audit verify` prints them: keep what it printed somewhere else, and a later run
/// finds out whether the log still contains it.
enum AuditHeads {
  /// One account's line, as `ACCOUNT POSITION SEAL`; what follows on the line is for people.
  static func line(_ head: AuditVerifier.Head) -> String {
    let seal = head.position == 0 ? "-" : Hex.encode(head.hash)
    return "\(head.account) \(head.position) \(seal)"
  }

  /// Reads the heads that were printed into a file; lines that begin with a blank are problems that were told.
  ///
  /// - Throws: ``Fault`` `invalidArgument` that names the first line that is no head.
  static func read(_ path: String) throws(Fault) -> [AuditVerifier.Head] {
    let lines = try Files.read(path).split(separator: "\n", omittingEmptySubsequences: false)
    var heads: [AuditVerifier.Head] = []
    for (number, line) in lines.enumerated() where !line.isEmpty && line.first != " " {
      guard let head = parse(line) else {
        throw Fault(
          .invalidArgument,
          "\(path), line \(number + 1): expected what `latchkey audit verify` prints"
        )
      }
      if head.position > 0 { heads.append(head) }
    }
    return heads
  }

  private static func parse(_ line: Substring) -> AuditVerifier.Head? {
    let words = line.split(separator: " ", maxSplits: 3)
    guard words.count >= 3, let account = UUID(String(words[0])), let position = Int64(words[1]),
      position >= 0
    else { return nil }
    if position == 0 { return AuditVerifier.Head(account: account, position: 0, hash: []) }
    guard let hash = Hex.decode(String(words[2])), hash.count == 32 else { return nil }
    return AuditVerifier.Head(account: account, position: position, hash: hash)
  }
}
