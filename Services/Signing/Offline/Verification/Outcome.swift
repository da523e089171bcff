/// What checking a license file came to, and what was learnt on the way.
public struct Outcome: Sendable {
  /// The result.
  public let verdict: Verdict
  /// One sentence for people.
  public let message: String
  /// What the file says; nil unless its signature is that of a key that is accepted.
  public let header: LicenseFileHeader?
  /// What the file says to its machine alone; nil unless a license key was given and the file is valid.
  public let payload: LicenseFilePayload?
  /// What to keep for the next check; the same as before unless the file is valid.
  public let lastSeen: LastSeen
}

extension Outcome {
  /// The outcome when what came with the file, such as the document of keys, was refused before the file was looked at.
  public init(refused refusal: Refusal, lastSeen: LastSeen) {
    self.init(
      verdict: refusal.verdict,
      message: "The license file was not checked: \(refusal.message).",
      header: nil,
      payload: nil,
      lastSeen: lastSeen
    )
  }
}
