public import Faults

/// What a license file says to its own machine alone: the license and its terms, as they were when the file was made.
public struct LicenseFilePayload: Sendable, Equatable {
  /// The payload as JSON: `version`, `license` and `policy`.
  public let json: [UInt8]

  /// The largest payload in JSON: two objects with metadata of 64 KiB each, and as much again.
  static let jsonBytesMax = 262_144

  /// Makes a payload that every reader accepts.
  ///
  /// - Parameters:
  ///   - license: The license as the REST API shows it, without its key: a JSON object.
  ///   - policy: The policy as the REST API shows it: a JSON object.
  /// - Throws: ``Fault`` `failedPrecondition` when the two say too much for a file, over 256 KiB, or are no JSON objects
  ///   that follow the rules of FORMAT.md.
  public init(license: [UInt8], policy: [UInt8]) throws(Fault) {
    let json = JSONWriter.object(capacity: license.count + policy.count + 64) { writer in
      writer.member("version", 1)
      writer.member("license", json: license)
      writer.member("policy", json: policy)
    }
    if json.count <= Self.jsonBytesMax,
      JSONCheck.isPlainObject(json, whoseObjectsAre: ["license", "policy"])
    {
      self.json = json
      return
    }
    do throws(Refusal) {
      self = try LicenseFilePayload(json: json)
    } catch {
      throw .unfitForFile(error)
    }
  }

  /// Reads a payload, and refuses what follows no rules even though it was sealed.
  init(json: [UInt8]) throws(Refusal) {
    guard json.count <= Self.jsonBytesMax else {
      throw Refusal(.malformed, "the payload is larger than \(Self.jsonBytesMax) bytes")
    }
    let fields = try Fields(json)
    try fields.checkVersion()
    try fields.checkObject("license")
    try fields.checkObject("policy")
    self.json = json
  }
}

extension Fault {
  /// A license says what no file may say.
  static func unfitForFile(_ refusal: Refusal) -> Fault {
    Fault(
      .failedPrecondition,
      "The license cannot be put into a license file: \(refusal.message)",
      reason: .businessRuleViolation
    )
  }
}
