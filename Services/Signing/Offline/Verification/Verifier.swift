internal import Cryptography
public import Primitives

/// Checks license files without a network: everything needed is given, the time included.
public struct Verifier: Sendable {
  /// Whose signatures are accepted.
  public var keys: TrustedKeys
  /// The only account that is accepted; nil for any, within what a root says.
  public var accountID: UUID?
  /// The only environment that is accepted; nil for any, within what a root says.
  public var environment: Environment?
  /// The only product that is accepted; nil for any.
  ///
  /// One key signs for all products of an account, so an application should name its own.
  public var productID: UUID?
  /// This machine's fingerprint; nil leaves unchecked which machine the file is for.
  public var fingerprint: String?
  /// From the license key; nil leaves the payload closed.
  public var secret: FileSecret?
  /// Serials that are not accepted any more.
  public var revocations: RevocationList?
  /// What was seen before.
  public var lastSeen: LastSeen

  /// Makes a verifier that trusts keys; what else is to be checked is set before use.
  public init(keys: TrustedKeys) {
    self.keys = keys
    lastSeen = LastSeen()
  }

  /// Checks a file.
  ///
  /// - Parameters:
  ///   - text: The file, with or without its markers.
  ///   - now: The time.
  /// - Returns: The first thing that is wrong, in the order of `FORMAT.md`; or that nothing is.
  public func verify(_ text: [UInt8], at now: Timestamp) -> Outcome {
    var authentic: LicenseFileHeader?
    do throws(Refusal) {
      let file = try authenticated(text)
      authentic = file.header
      try checkPlace(file.header)
      try checkTime(file.header, now: now)
      try checkMachine(file.header)
      try checkRevocations(file.header)
      return Outcome(
        verdict: .valid,
        message: "The license file is valid until \(file.header.expiresAt.iso8601).",
        header: file.header,
        payload: try payload(of: file),
        lastSeen: advanced(by: file.header, now: now)
      )
    } catch {
      return Outcome(
        verdict: error.verdict,
        message: "The license file is not accepted: \(error.message).",
        header: authentic,
        payload: nil,
        lastSeen: lastSeen
      )
    }
  }

  /// The file, if an accepted key signed it.
  private func authenticated(_ text: [UInt8]) throws(Refusal) -> LicenseFile {
    let file = try LicenseFile(parsing: text)
    let key = try keys.key(named: file.header.keyID, signingAt: file.header.issuedAt)
    guard file.isSigned(by: key) else {
      throw Refusal(.invalidSignature, "it was changed, or another key signed it")
    }
    return file
  }

  private func checkPlace(_ header: LicenseFileHeader) throws(Refusal) {
    try keys.checkPlace(accountID: header.accountID, environment: header.environment)
    if let accountID, header.accountID != accountID {
      throw Refusal(.wrongAccount, "it is for the account \(header.accountID)")
    }
    if let environment, header.environment != environment {
      throw Refusal(.wrongEnvironment, "it is for the \(header.environment.rawValue) environment")
    }
    if let productID, header.productID != productID {
      throw Refusal(.wrongProduct, "it is for the product \(header.productID)")
    }
  }

  private func checkTime(_ header: LicenseFileHeader, now: Timestamp) throws(Refusal) {
    if let time = lastSeen.time, now < time {
      throw Refusal(
        .clockRollback,
        "the clock shows \(now.iso8601), but it was \(time.iso8601) before: set the clock"
      )
    }
    try ClockTolerance.check(issuedAt: header.issuedAt, now: now)
    guard header.notBefore <= now + ClockTolerance.ahead else {
      throw Refusal(.notYetValid, "it begins to count at \(header.notBefore.iso8601)")
    }
    guard now < header.expiresAt else {
      throw Refusal(.expired, "it expired at \(header.expiresAt.iso8601)")
    }
    if let serial = lastSeen.serial, header.serial < serial {
      throw Refusal(
        .serialRollback,
        "its serial is \(header.serial), but \(serial) was used here before: use the newest file"
      )
    }
  }

  private func checkMachine(_ header: LicenseFileHeader) throws(Refusal) {
    // As bytes: to Swift, strings are equal that Unicode calls equivalent.
    if let fingerprint, !fingerprint.utf8.elementsEqual(header.fingerprint.utf8) {
      throw Refusal(.wrongFingerprint, "it is for another machine")
    }
  }

  private func checkRevocations(_ header: LicenseFileHeader) throws(Refusal) {
    guard let revocations else { return }
    if let number = lastSeen.revocationsNumber, revocations.number < number {
      throw Refusal(
        .revocationsRollback,
        "revocation list \(revocations.number) is older than \(number), which was seen before"
      )
    }
    guard revocations.accountID == header.accountID, revocations.environment == header.environment
    else {
      throw Refusal(
        .invalidRevocations,
        "the revocation list is for another account or environment"
      )
    }
    guard header.serial >= revocations.firstSerial else {
      throw Refusal(
        .revoked,
        "its serial \(header.serial) lies before \(revocations.firstSerial), where the revocation list begins: get a new file"
      )
    }
    guard !revocations.isRevoked(header.serial) else {
      throw Refusal(.revoked, "its serial \(header.serial) was revoked")
    }
  }

  private func payload(of file: LicenseFile) throws(Refusal) -> LicenseFilePayload? {
    guard let secret else { return nil }
    return try file.payload(
      openedBy: secret,
      fingerprint: fingerprint ?? file.header.fingerprint
    )
  }

  private func advanced(by header: LicenseFileHeader, now: Timestamp) -> LastSeen {
    LastSeen(
      time: max(now, lastSeen.time ?? now),
      serial: max(header.serial, lastSeen.serial ?? header.serial),
      revocationsNumber: revocations?.number ?? lastSeen.revocationsNumber,
      successionNumber: keys.successionNumber ?? lastSeen.successionNumber
    )
  }
}
