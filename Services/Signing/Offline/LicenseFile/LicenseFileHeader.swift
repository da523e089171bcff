public import Primitives

/// What a license file says to everybody: signed, and readable without any key.
public struct LicenseFileHeader: Sendable, Equatable {
  /// The name of the key that signs the file.
  public var keyID: String
  /// Whose license it is.
  public var accountID: UUID
  /// In which data set.
  public var environment: Environment
  /// The file's number, which is unique in its account and environment and only grows; at least 1.
  public var serial: Int64
  /// The license.
  public var licenseID: UUID
  /// The product that the license is for.
  public var productID: UUID
  /// The one machine the file is for, exactly as the machine said it, 8 to 256 characters.
  public var fingerprint: String
  /// The codes of what the license unlocks: its own and those of its policy.
  public var entitlements: [String]
  /// How many machines the license may have; nil without a limit.
  public var maxMachines: Int64?
  /// When the license itself ends; nil when it does not.
  public var licenseExpiresAt: Timestamp?
  /// When the file was made.
  public var issuedAt: Timestamp
  /// When the file begins to count.
  public var notBefore: Timestamp
  /// When the file stops to count.
  public var expiresAt: Timestamp
  /// How long the file was granted for, in seconds.
  public var ttlSeconds: Int64

  /// Makes a header.
  public init(
    keyID: String,
    accountID: UUID,
    environment: Environment,
    serial: Int64,
    licenseID: UUID,
    productID: UUID,
    fingerprint: String,
    entitlements: [String],
    maxMachines: Int64?,
    licenseExpiresAt: Timestamp?,
    issuedAt: Timestamp,
    notBefore: Timestamp,
    expiresAt: Timestamp,
    ttlSeconds: Int64
  ) {
    self.keyID = keyID
    self.accountID = accountID
    self.environment = environment
    self.serial = serial
    self.licenseID = licenseID
    self.productID = productID
    self.fingerprint = fingerprint
    self.entitlements = entitlements
    self.maxMachines = maxMachines
    self.licenseExpiresAt = licenseExpiresAt
    self.issuedAt = issuedAt
    self.notBefore = notBefore
    self.expiresAt = expiresAt
    self.ttlSeconds = ttlSeconds
  }

  /// The largest header in JSON: 500 entitlements of 100 characters, and the other fields.
  static let jsonBytesMax = 65_536
  static let entitlementsMax = 1_000

  /// The header as JSON, as files have it.
  public var json: [UInt8] {
    JSONWriter.object { writer in
      writer.member("version", 1)
      writer.member("algorithm", "Ed25519")
      writer.member("keyId", keyID)
      writer.member("accountId", accountID)
      writer.member("environment", environment.rawValue)
      writer.member("serial", serial)
      writer.member("licenseId", licenseID)
      writer.member("productId", productID)
      writer.member("fingerprint", fingerprint)
      writer.member("entitlements", entitlements)
      writer.member("maxMachines", maxMachines)
      writer.member("licenseExpiresAt", licenseExpiresAt)
      writer.member("issuedAt", issuedAt)
      writer.member("notBefore", notBefore)
      writer.member("expiresAt", expiresAt)
      writer.member("ttl", ttlSeconds)
    }
  }

  /// Refuses what ``init(json:)`` refuses, of a header that was written as this JSON.
  func checkIsReadable(json: [UInt8]) throws(Refusal) {
    func check(_ isReadable: Bool, _ name: String) throws(Refusal) {
      guard isReadable else { throw Refusal(.malformed, "\(name) is beyond what a file may say") }
    }
    try check(json.count <= Self.jsonBytesMax, "the header")
    try check((1...64).contains(keyID.utf8.count), "keyId")
    try check((1...Fields.integerMax).contains(serial), "serial")
    try check((8...256).contains(fingerprint.unicodeScalars.count), "fingerprint")
    try check(
      entitlements.count <= Self.entitlementsMax
        && entitlements.allSatisfy { (1...400).contains($0.utf8.count) },
      "entitlements"
    )
    try check((0...Fields.integerMax).contains(maxMachines ?? 0), "maxMachines")
    try check((0...Fields.integerMax).contains(ttlSeconds), "ttl")
    try check(
      [licenseExpiresAt, issuedAt, notBefore, expiresAt].allSatisfy { moment in
        moment.map { (Timestamp.earliest...Timestamp.latest).contains($0) } ?? true
      },
      "a moment"
    )
  }

  /// Reads a header; each field must be there and within its limits.
  init(json: [UInt8]) throws(Refusal) {
    guard json.count <= Self.jsonBytesMax else {
      throw Refusal(.malformed, "the header is larger than \(Self.jsonBytesMax) bytes")
    }
    let fields = try Fields(json)
    try fields.checkVersion()
    guard try fields.text("algorithm", bytes: 1...64) == "Ed25519" else {
      throw Refusal(.unsupportedVersion, "the algorithm is not Ed25519")
    }
    keyID = try fields.keyID("keyId")
    accountID = try fields.id("accountId")
    environment = try fields.environment("environment")
    serial = try fields.integer("serial", in: 1...Fields.integerMax)
    licenseID = try fields.id("licenseId")
    productID = try fields.id("productId")
    fingerprint = try fields.fingerprint("fingerprint")
    entitlements = try fields.texts(
      "entitlements",
      countMax: Self.entitlementsMax,
      bytes: 1...400
    )
    maxMachines = try fields.optional("maxMachines") { fields, name throws(Refusal) in
      try fields.integer(name, in: 0...Fields.integerMax)
    }
    licenseExpiresAt = try fields.optional("licenseExpiresAt") { fields, name throws(Refusal) in
      try fields.moment(name)
    }
    issuedAt = try fields.moment("issuedAt")
    notBefore = try fields.moment("notBefore")
    expiresAt = try fields.moment("expiresAt")
    ttlSeconds = try fields.integer("ttl", in: 0...Fields.integerMax)
  }
}
