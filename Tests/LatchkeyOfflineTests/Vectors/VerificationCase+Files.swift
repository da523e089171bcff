import Cryptography
import Primitives

@testable import LatchkeyOffline

/// Files under one signing key: form, signature, place, time, machine.
extension VerificationCase {
  static func files() throws -> [VerificationCase] {
    try accepted() + malformed() + refusedHeaders() + forged() + places() + times() + machines()
  }

  private static func accepted() throws -> [VerificationCase] {
    let file = try Vendor.file()
    let line = Vendor.line(of: file)
    func typed(_ key: String) -> (inout VerificationCase) -> Void {
      { ($0.fingerprint, $0.licenseKey) = (Vendor.fingerprint, key) }
    }
    return [
      Self("a file as it was issued", file, .valid),
      Self("everything that can be asked for", file, .valid) {
        typed(Vendor.licenseKey)(&$0)
        ($0.accountID, $0.environment) = (Vendor.accountID, .live)
        $0.productID = Vendor.productID
      },
      Self("a license key as people type it", file, .valid, typed("lic-ol23-4567-89ab-cdef")),
      Self("a license key without a fingerprint opens by the header's", file, .valid) {
        $0.licenseKey = Vendor.licenseKey
      },
      Self(
        "an imported license key of another form",
        try Vendor.file(licenseKey: "Ärger & Söhne 2019"),
        .valid,
        typed("Ärger & Söhne 2019")
      ),
      Self("one of several keys", file, .valid) {
        $0.publicKeys.insert(Vendor.second.publicKey.text, at: 0)
      },
      Self("without markers", line, .valid),
      Self("without line breaks", file.split(separator: "\n").joined(), .valid),
      Self(
        "white space and other line ends",
        " \t\r\n" + marked("\r\n \(line)\t\r\n") + "\r\n",
        .valid
      ),
      Self(
        "a license without limit, end and entitlements",
        try Vendor.file { ($0.maxMachines, $0.licenseExpiresAt, $0.entitlements) = (nil, nil, []) },
        .valid
      ),
      Self(
        "a fingerprint outside ASCII",
        try Vendor.file { $0.fingerprint = "Büro-Rechner \"7\"\u{1F5A5}" },
        .valid
      ) {
        ($0.fingerprint, $0.licenseKey) = ("Büro-Rechner \"7\"\u{1F5A5}", Vendor.licenseKey)
      },
      Self(
        "a file that is valid for long, for verifiers that cannot be told the time",
        try Vendor.file { $0.expiresAt = Vendor.moment("2099-12-31T23:59:59.000Z") },
        .valid,
        typed(Vendor.licenseKey)
      ),
      try header("names that are not known are ignored") {
        $0.replacing("{\"version\"", with: "{\"later\":{\"version\":9},\"version\"")
      },
      try header("moments with an offset and other fractions") {
        $0.replacing(
          "\"issuedAt\":\"2026-03-31T09:20:00.000Z\"",
          with: "\"issuedAt\":\"2026-03-31T11:20:00.123456+02:00\""
        )
        .replacing(
          "\"expiresAt\":\"2026-04-14T09:20:00.000Z\"",
          with: "\"expiresAt\":\"2026-04-14T09:20:00Z\""
        )
      },
      try header("escapes in the header") {
        $0.replacing("\"keyId\"", with: "\"\\u006bey\\u0049d\"")
      },
    ]
  }

  private static func marked(_ middle: String) -> String {
    "-----BEGIN LICENSE FILE-----\(middle)-----END LICENSE FILE-----"
  }

  private static func malformed() throws -> [VerificationCase] {
    let file = try Vendor.file()
    let line = Vendor.line(of: file)
    let parts = line.split(separator: ".").map(String.init)
    let signature = parts[2]
    // Of 86 characters the last one holds two bits of the signature and four that are nothing.
    let last = signature.dropLast(2).last.map(String.init) ?? ""
    let stray = ["A": "B", "Q": "R", "g": "h", "w": "x"][last] ?? "?"
    let changed: [(String, String)] = [
      ("an empty file", ""),
      ("only white space", " \r\n\t"),
      ("only markers", marked("")),
      ("text that is no license file", "{\"version\":1}"),
      ("the end marker is missing", file.replacing("\n-----END LICENSE FILE-----", with: "")),
      ("the begin marker is missing", file.replacing("-----BEGIN LICENSE FILE-----\n", with: "")),
      ("the markers of another kind", file.replacing("LICENSE FILE", with: "LATCHKEY KEYSET")),
      ("markers in lower case", file.lowercased()),
      ("markers twice", marked(file)),
      ("something before the marker", "x" + file),
      ("something after the marker", file + "x"),
      ("a byte order mark", "\u{FEFF}" + file),
      ("two parts", parts[0] + "." + parts[1]),
      ("four parts", line + "." + signature),
      ("an empty part", parts[0] + ".." + signature),
      ("padding is missing", String(line.dropLast(2))),
      ("padding is too long", line + "="),
      ("an unused bit of the signature is set", line.dropLast(3) + stray + "=="),
      ("the alphabet for addresses", parts[0] + ".____" + parts[1].dropFirst(4) + "." + signature),
      ("a line break within the line", line.prefix(76) + "\n" + line.dropFirst(76)),
      ("a blank within the line", line.prefix(76) + " " + line.dropFirst(76)),
      ("a signature that is cut", String(line.dropLast(4))),
      ("a signature that is too long", line.dropLast(4) + "AAA="),
      ("a signature of nothing", parts[0] + "." + parts[1] + ".===="),
    ]
    return changed.map { Self($0.0, $0.1, .malformed) } + [
      Self(
        "a payload that is too short to be sealed",
        try Vendor.file(
          header: Vendor.header().json,
          payload: [UInt8](repeating: 7, count: AESGCM.overheadByteCount - 1)
        ),
        .malformed
      )
    ]
  }

  /// Headers that are signed, and yet against the rules.
  private static func refusedHeaders() throws -> [VerificationCase] {
    let nested = String(repeating: "[", count: 41) + String(repeating: "]", count: 41)
    let changes: [(String, String, String)] = [
      ("a name twice", "\"serial\":17", "\"serial\":17,\"serial\":17"),
      ("a name twice, once in escapes", "\"serial\":17", "\"serial\":17,\"\\u0073erial\":17"),
      ("something after the object", "\"ttl\":1209600}", "\"ttl\":1209600}{}"),
      ("a comma too many", "\"ttl\":1209600}", "\"ttl\":1209600,}"),
      ("half a surrogate pair", "\"sso\"", "\"\\ud83d\""),
      ("a control character", "\"sso\"", "\"s\u{1}\""),
      ("nested too deeply", "\"ttl\":1209600", "\"ttl\":1209600,\"later\":\(nested)"),
      ("a list and no object", "{\"version\"", "[{\"version\""),
      ("no serial", "\"serial\":17,", ""),
      ("no end", "\"expiresAt\":\"2026-04-14T09:20:00.000Z\",", ""),
      ("an empty end", "\"expiresAt\":\"2026-04-14T09:20:00.000Z\"", "\"expiresAt\":\"\""),
      ("null for an end", "\"expiresAt\":\"2026-04-14T09:20:00.000Z\"", "\"expiresAt\":null"),
      (
        "an end without a zone", "\"expiresAt\":\"2026-04-14T09:20:00.000Z\"",
        "\"expiresAt\":\"2026-04-14T09:20:00\""
      ),
      (
        "the 30th of February", "\"expiresAt\":\"2026-04-14T09:20:00.000Z\"",
        "\"expiresAt\":\"2027-02-30T09:20:00.000Z\""
      ),
      ("an end before the beginning", "\"expiresAt\":\"2026-04-14", "\"expiresAt\":\"2026-03-30"),
      ("serial 0", "\"serial\":17", "\"serial\":0"),
      ("a serial with a point", "\"serial\":17", "\"serial\":17.0"),
      ("a serial with an exponent", "\"serial\":17", "\"serial\":17e0"),
      ("a serial with a leading zero", "\"serial\":17", "\"serial\":017"),
      ("a serial as text", "\"serial\":17", "\"serial\":\"17\""),
      ("a serial beyond 2^53 - 1", "\"serial\":17", "\"serial\":9007199254740992"),
      ("a negative limit", "\"maxMachines\":3", "\"maxMachines\":-1"),
      ("an environment that there is not", "\"live\"", "\"prod\""),
      ("an id that is none", "\"licenseId\":\"0198c1e2", "\"licenseId\":\"0198c1e"),
      (
        "a fingerprint that is too short", "\"fingerprint\":\"\(Vendor.fingerprint)\"",
        "\"fingerprint\":\"1234567\""
      ),
      ("entitlements that are no texts", "[\"export_pdf\"", "[1,\"export_pdf\""),
      ("version as text", "\"version\":1", "\"version\":\"1\""),
    ]
    return try changes.map { name, old, new in
      try header(name, .malformed) { $0.replacing(old, with: new) }
    } + [
      try header("version 2", .unsupportedVersion) {
        $0.replacing("\"version\":1", with: "\"version\":2")
      },
      try header("another algorithm", .unsupportedVersion) {
        $0.replacing("Ed25519", with: "none")
      },
      Self(
        "a header that is not UTF-8",
        try Vendor.file(header: Array("{\"x\":\"".utf8) + [0xff] + Array("\"}".utf8)),
        .malformed
      ),
    ]
  }

  /// A file whose header was changed before it was signed.
  private static func header(
    _ name: String,
    _ result: Verdict = .valid,
    _ change: (String) -> String
  ) throws -> VerificationCase {
    let json = String(decoding: Vendor.header().json, as: UTF8.self)
    let changed = change(json)
    precondition(changed != json, "\(name): nothing was changed")
    return Self(name, try Vendor.file(header: Array(changed.utf8)), result)
  }

  private static func forged() throws -> [VerificationCase] {
    let file = try Vendor.file()
    let line = Vendor.line(of: file)
    let parts = line.split(separator: ".").map(String.init)
    let other = Vendor.line(of: try Vendor.file { $0.serial = 18 }).split(separator: ".").map(
      String.init
    )
    let header = Vendor.header()
    let keyset = Vendor.keyset(
      Vendor.keyset([Vendor.record(Vendor.first, .active)]),
      signedBy: Vendor.first
    )
    let statement = keyset.line.split(separator: ".").map(String.init)
    return [
      Self(
        "signed by another key under this one's name",
        try Vendor.file(header: header.json, signedBy: Vendor.stranger),
        .invalidSignature
      ),
      Self("the header of another file", "\(other[0]).\(parts[1]).\(parts[2])", .invalidSignature),
      Self("the payload of another file", "\(parts[0]).\(other[1]).\(parts[2])", .invalidSignature),
      Self(
        "the signature of another file",
        "\(parts[0]).\(parts[1]).\(other[2])",
        .invalidSignature
      ),
      Self(
        "a signature of zeros",
        "\(parts[0]).\(parts[1]).\(Base64.encode([UInt8](repeating: 0, count: 64)))",
        .invalidSignature
      ),
      Self(
        "a signature with the group's order added to S",
        "\(parts[0]).\(parts[1]).\(malleated(parts[2]))",
        .invalidSignature
      ),
      Self(
        "the signature of a keyset",
        "\(parts[0]).\(parts[1]).\(statement[1])",
        .invalidSignature
      ),
      Self(
        "signed by a key that is not trusted",
        try Vendor.file(signedBy: Vendor.stranger),
        .unknownKey
      ),
      Self("no key at all", file, .unknownKey) { $0.publicKeys = [] },
      Self(
        "names a key that is not trusted",
        try Vendor.file(header: Vendor.header(signedBy: Vendor.second).json),
        .unknownKey
      ),
    ]
  }

  /// The same signature with S + L in place of S: right by the equation, and to be refused.
  private static func malleated(_ signature: String) -> String {
    let order: [UInt8] = [
      0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
      0x14,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ]
    var bytes = Base64.decode(signature) ?? []
    var carry = 0
    for index in order.indices {
      let sum = Int(bytes[32 + index]) + Int(order[index]) + carry
      bytes[32 + index] = UInt8(truncatingIfNeeded: sum)
      carry = sum >> 8
    }
    return Base64.encode(bytes)
  }

  private static func places() throws -> [VerificationCase] {
    let file = try Vendor.file()
    return [
      Self("for another account", file, .wrongAccount) { $0.accountID = Vendor.otherID },
      Self("for the other environment", file, .wrongEnvironment) { $0.environment = .test },
      Self("for another product", file, .wrongProduct) { $0.productID = Vendor.otherID },
    ]
  }

  private static func times() throws -> [VerificationCase] {
    let file = try Vendor.file()
    let end = Vendor.header().expiresAt
    let early = Vendor.now - .seconds(300)
    let moment = Duration.milliseconds(1)
    let waiting = try Vendor.file { $0.notBefore = Vendor.now + .seconds(3_600) }
    return [
      Self("in its last millisecond", file, .valid) { $0.at = end - moment },
      Self("at its end", file, .expired) { $0.at = end },
      Self("long after its end", file, .expired) {
        $0.at = Vendor.moment("2126-01-01T00:00:00.000Z")
      },
      Self("issued five minutes ahead", file, .valid) { $0.at = early },
      Self("issued more than five minutes ahead", file, .issuedInFuture) { $0.at = early - moment },
      Self("not to be used yet", waiting, .notYetValid) {
        $0.at = Vendor.now + .seconds(3_300) - moment
      },
      Self("five minutes before it may be used", waiting, .valid) {
        $0.at = Vendor.now + .seconds(3_300)
      },
      Self("at the time that was last seen", file, .valid) { $0.lastSeen.time = Vendor.now },
      Self("before the time that was last seen", file, .clockRollback) {
        $0.lastSeen.time = Vendor.now + moment
      },
      Self("turned back before the file was issued", file, .clockRollback) {
        ($0.at, $0.lastSeen.time) = (early - moment, Vendor.now)
      },
      Self("the serial that was last seen", file, .valid) { $0.lastSeen.serial = 17 },
      Self("a serial before the last seen one", file, .serialRollback) { $0.lastSeen.serial = 18 },
    ]
  }

  private static func machines() throws -> [VerificationCase] {
    let file = try Vendor.file()
    let composed = try Vendor.file { $0.fingerprint = "caf\u{E9}-machine" }
    let moved = try LicenseFile(parsing: Array(Vendor.file { $0.serial = 16 }.utf8))
    let mine: (inout VerificationCase) -> Void = {
      ($0.fingerprint, $0.licenseKey) = (Vendor.fingerprint, Vendor.licenseKey)
    }
    return [
      Self("on the machine it is for", file, .valid) { $0.fingerprint = Vendor.fingerprint },
      Self("copied to another machine", file, .wrongFingerprint) {
        $0.fingerprint = "another-machine"
      },
      Self("copied to another machine, with the license key", file, .wrongFingerprint) {
        ($0.fingerprint, $0.licenseKey) = ("another-machine", Vendor.licenseKey)
      },
      Self("a fingerprint in other letters", file, .wrongFingerprint) {
        $0.fingerprint = Vendor.fingerprint.uppercased()
      },
      Self("a fingerprint that Unicode calls equivalent", composed, .wrongFingerprint) {
        $0.fingerprint = "cafe\u{301}-machine"
      },
      Self("another license's key", file, .wrongLicenseKey) {
        mine(&$0)
        $0.licenseKey = "LIC-0123-4567-89AB-CDEG"
      },
      Self("an empty license key", file, .wrongLicenseKey) {
        mine(&$0)
        $0.licenseKey = ""
      },
      Self(
        "the payload of another file, signed",
        try Vendor.file(header: Vendor.header().json, payload: moved.sealedPayload),
        .wrongLicenseKey,
        mine
      ),
      Self("a sealed payload that is no object", try sealed("[]"), .malformed, mine),
      Self(
        "a sealed payload of version 2",
        try sealed("{\"version\":2}"),
        .unsupportedVersion,
        mine
      ),
      Self(
        "a sealed payload without a policy",
        try sealed("{\"version\":1,\"license\":{}}"),
        .malformed,
        mine
      ),
      Self("a sealed payload that is not asked for", try sealed("[]"), .valid),
    ]
  }

  private static func sealed(_ payload: String) throws -> String {
    let header = Vendor.header().json
    var payload = payload
    let sealed = try payload.withUTF8 {
      try Vendor.secret().payloadCipher(fingerprint: Vendor.fingerprint).seal(
        UnsafeRawBufferPointer($0),
        nonce: Vendor.nonce(12),
        associatedData: Array(Base64.encode(header).utf8)
      )
    }
    return try Vendor.file(header: header, payload: sealed)
  }
}

extension LicenseFile {
  /// The payload as it lies in the file.
  fileprivate var sealedPayload: [UInt8] { line.parts[1] }
}
