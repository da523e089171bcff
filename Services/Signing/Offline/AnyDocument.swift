/// Any file of ours, for people who want to see what is in it; nothing in it is checked beyond its form.
public struct AnyDocument: Sendable {
  /// What it is: `license`, `succession`, `keyset`, `revocations`, `request` or `release`.
  public let type: String
  /// Its readable part as JSON.
  public let json: [UInt8]

  /// Reads a file of any kind, with or without its markers.
  ///
  /// - Throws: ``Refusal`` ``Verdict/malformed`` or ``Verdict/unsupportedVersion``.
  public init(parsing text: [UInt8]) throws(Refusal) {
    if let line = try? LicenseFile.armor.parse(text) {
      type = "license"
      json = line.parts[0]
      _ = try Fields(json)
      return
    }
    let armors =
      Statement.Kind.allCases.map { ($0.rawValue, $0.armor) }
      + ProvedDocument.Kind.allCases.map { ($0.rawValue, $0.armor) }
    for (name, armor) in armors {
      guard let line = try? armor.parse(text) else { continue }
      let fields = try Fields(line.parts[0])
      // Without markers, any armor of two parts fits.
      guard try fields.text("type", bytes: 1...64) == name else { continue }
      type = name
      json = line.parts[0]
      return
    }
    throw Refusal(.malformed, "no file of Latchkey, or damaged")
  }
}
