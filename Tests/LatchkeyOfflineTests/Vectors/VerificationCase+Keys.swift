import Cryptography
import Primitives

@testable import LatchkeyOffline

/// Files under a root: successions, keysets, rotation, revocation lists.
extension VerificationCase {
  static func keys() throws -> [VerificationCase] {
    try rotation() + states() + brokenKeys() + rollbacks() + revocations()
  }

  /// When the second key took over from the first.
  private static let rotatedAt = "2026-03-31T10:00:00.000Z"

  private static let successionAtFirst = Vendor.succession(
    Vendor.keyset([Vendor.record(Vendor.first, .active), Vendor.record(Vendor.second, .next)])
  )
  private static let beforeRotation = Vendor.published(
    successionAtFirst,
    Vendor.keyset(
      Vendor.keyset([Vendor.record(Vendor.first, .active), Vendor.record(Vendor.second, .next)]),
      signedBy: Vendor.first
    )
  )
  private static let afterRotation = Vendor.published(
    successionAtFirst,
    Vendor.keyset(
      Vendor.keyset(
        [
          Vendor.record(Vendor.first, .retired, retiredAt: rotatedAt),
          Vendor.record(Vendor.second, .active),
          Vendor.record(Vendor.third, .next, since: rotatedAt),
        ],
        number: 2
      ) { $0.issuedAt = Vendor.moment(rotatedAt) },
      signedBy: Vendor.second
    )
  )
  private static let noon = Vendor.moment("2026-03-31T12:00:00.000Z")

  /// A file of the second key, issued at noon.
  private static func later(_ change: (inout LicenseFileHeader) -> Void = { _ in }) throws -> String
  {
    try Vendor.file(signedBy: Vendor.second) {
      ($0.serial, $0.issuedAt, $0.notBefore) = (18, noon, noon)
      change(&$0)
    }
  }

  private static func rotation() throws -> [VerificationCase] {
    let old = try Vendor.file()
    let new = try later()
    let atNoon: (inout VerificationCase) -> Void = { $0.at = noon }
    return [
      Self("root: a file before the rotation", old, keys: beforeRotation, .valid),
      Self(
        "root: a file from before the rotation, after it",
        old,
        keys: afterRotation,
        .valid,
        atNoon
      ),
      Self("root: a file from after the rotation", new, keys: afterRotation, .valid, atNoon),
      Self(
        "root: a file from after the rotation, with the keys from before it",
        new,
        keys: beforeRotation,
        .valid,
        atNoon
      ),
      Self("root: a succession alone", old, keys: Vendor.published(successionAtFirst), .valid),
      Self("root: everything that can be asked for", new, keys: afterRotation, .valid) {
        $0.at = noon
        ($0.accountID, $0.environment, $0.productID) = (Vendor.accountID, .live, Vendor.productID)
        ($0.fingerprint, $0.licenseKey) = (Vendor.fingerprint, Vendor.licenseKey)
        $0.lastSeen = LastSeen(time: noon, serial: 18, successionNumber: 1)
      },
      Self(
        "root: a file of a key that only the keyset lists",
        try Vendor.file(signedBy: Vendor.third) { ($0.issuedAt, $0.notBefore) = (noon, noon) },
        keys: afterRotation,
        .unknownKey,
        atNoon
      ),
      Self(
        "root: a file of an unknown key",
        try Vendor.file(signedBy: Vendor.stranger),
        keys: beforeRotation,
        .unknownKey
      ),
      Self(
        "root: a file that the root itself signed",
        try Vendor.file(signedBy: Vendor.root),
        keys: beforeRotation,
        .unknownKey
      ),
      Self(
        "root: a file for another account",
        try Vendor.file { $0.accountID = Vendor.otherID },
        keys: beforeRotation,
        .wrongAccount
      ),
      Self(
        "root: a file for the other environment",
        try Vendor.file { $0.environment = .test },
        keys: beforeRotation,
        .wrongEnvironment
      ),
    ]
  }

  private static func states() throws -> [VerificationCase] {
    let old = try Vendor.file()
    let atRotation = try Vendor.file { $0.issuedAt = Vendor.moment("2026-03-31T10:05:00.000Z") }
    let beyond = try Vendor.file { $0.issuedAt = Vendor.moment("2026-03-31T10:05:00.001Z") }
    let atNoon: (inout VerificationCase) -> Void = { $0.at = noon }
    /// The keys when the first one was revoked by one of the two statements.
    func revoked(inSuccession: Bool) -> String {
      let revoked = Vendor.record(Vendor.first, .revoked, retiredAt: rotatedAt)
      let active = Vendor.record(Vendor.first, .active)
      let keyset = Vendor.keyset([
        inSuccession ? active : revoked, Vendor.record(Vendor.second, .active),
      ])
      return Vendor.published(
        Vendor.succession(
          Vendor.keyset([inSuccession ? revoked : active, Vendor.record(Vendor.second, .active)])
        ),
        Vendor.keyset(keyset, signedBy: Vendor.second)
      )
    }
    /// The keys when both statements say when the first one was retired.
    func retired(_ inSuccession: String, _ inKeyset: String) -> String {
      Vendor.published(
        Vendor.succession(
          Vendor.keyset([
            Vendor.record(Vendor.first, .retired, retiredAt: inSuccession),
            Vendor.record(Vendor.second, .active),
          ])
        ),
        Vendor.keyset(
          Vendor.keyset([
            Vendor.record(Vendor.first, .retired, retiredAt: inKeyset),
            Vendor.record(Vendor.second, .active),
          ]),
          signedBy: Vendor.second
        )
      )
    }
    let early = "2026-03-31T09:00:00.000Z"
    let young = Vendor.published(
      Vendor.succession(
        Vendor.keyset([Vendor.record(Vendor.first, .active, since: "2026-03-31T09:25:00.001Z")])
      )
    )
    let justBorn = Vendor.published(
      Vendor.succession(
        Vendor.keyset([Vendor.record(Vendor.first, .active, since: "2026-03-31T09:25:00.000Z")])
      )
    )
    return [
      Self(
        "root: issued five minutes after its key was retired",
        atRotation,
        keys: afterRotation,
        .valid,
        atNoon
      ),
      Self(
        "root: issued later than five minutes after its key was retired",
        beyond,
        keys: afterRotation,
        .keyRetired,
        atNoon
      ),
      Self(
        "root: retired by the succession, earlier than the keyset says",
        old,
        keys: retired(early, rotatedAt),
        .keyRetired
      ),
      Self(
        "root: retired by the keyset, earlier than the succession says",
        old,
        keys: retired(rotatedAt, early),
        .keyRetired
      ),
      Self(
        "root: its key is revoked in the keyset",
        old,
        keys: revoked(inSuccession: false),
        .keyRevoked
      ),
      Self(
        "root: its key is revoked in the succession",
        old,
        keys: revoked(inSuccession: true),
        .keyRevoked
      ),
      Self(
        "root: issued more than five minutes before its key was made",
        old,
        keys: young,
        .keyNotYetValid
      ),
      Self("root: issued five minutes before its key was made", old, keys: justBorn, .valid),
    ]
  }

  private static func brokenKeys() throws -> [VerificationCase] {
    let file = try Vendor.file()
    let both = Vendor.keyset([
      Vendor.record(Vendor.first, .active), Vendor.record(Vendor.second, .next),
    ])
    func succession(_ change: (inout Keyset) -> Void) -> String {
      var keyset = both
      change(&keyset)
      return Vendor.published(Vendor.succession(keyset))
    }
    func keyset(signedBy key: Ed25519PrivateKey, _ change: (inout Keyset) -> Void = { _ in })
      -> String
    {
      var keyset = both
      change(&keyset)
      return Vendor.published(successionAtFirst, Vendor.keyset(keyset, signedBy: key))
    }
    let swapped = beforeRotation.replacing(
      "\"succession\":\"\(successionAtFirst.line)\"",
      with: "\"succession\":\"\(Vendor.keyset(both, signedBy: Vendor.root).line)\""
    )
    let rows: [(String, String)] = [
      ("no document", ""),
      ("no JSON", "keys"),
      (
        "a document of version 2",
        beforeRotation.replacing("{\"version\":1", with: "{\"version\":2")
      ),
      (
        "a document without keysets",
        "{\"version\":1,\"accountId\":\"\(Vendor.accountID)\",\"keysets\":[]}"
      ),
      (
        "a document that names another account",
        beforeRotation.replacing("\(Vendor.accountID)", with: "\(Vendor.otherID)")
      ),
      (
        "a document that names the other environment",
        beforeRotation.replacing("\"live\"", with: "\"test\"")
      ),
      (
        "a succession that another root signed",
        Vendor.published(Vendor.succession(both, signedBy: Vendor.stranger))
      ),
      (
        "a succession that a signing key signed",
        Vendor.published(Vendor.succession(both, signedBy: Vendor.first))
      ),
      ("a keyset in place of the succession", swapped),
      (
        "a succession from more than five minutes ahead",
        succession { $0.issuedAt = Vendor.now + .milliseconds(300_001) }
      ),
      ("a succession for another account", succession { $0.accountID = Vendor.otherID }),
      ("a succession for the other environment", succession { $0.environment = .test }),
      ("a succession with a key twice", succession { $0.keys.append($0.keys[0]) }),
      ("a succession number 0", succession { $0.number = 0 }),
      ("a retired key without a time", succession { $0.keys[1].state = .retired }),
      ("an active key with a time", succession { $0.keys[0].retiredAt = Vendor.now }),
      ("a keyset that an unknown key signed", keyset(signedBy: Vendor.stranger)),
      ("a keyset that its next key signed", keyset(signedBy: Vendor.second)),
      ("a keyset that the root signed", keyset(signedBy: Vendor.root)),
      (
        "a keyset from more than five minutes ahead",
        keyset(signedBy: Vendor.first) { $0.issuedAt = Vendor.now + .milliseconds(300_001) }
      ),
      (
        "a keyset for another account",
        keyset(signedBy: Vendor.first) { $0.accountID = Vendor.otherID }
      ),
      (
        "a keyset for the other environment",
        keyset(signedBy: Vendor.first) { $0.environment = .test }
      ),
      (
        "a keyset that is cut",
        beforeRotation.replacing("\",\"revocations\"", with: "x\",\"revocations\"")
      ),
    ]
    let signature = successionAtFirst.line.split(separator: ".")[1]
    let forged = Vendor.published(successionAtFirst).replacing(
      signature,
      with: Vendor.succession(Vendor.keyset([])).line.split(separator: ".")[1]
    )
    let renamed = Vendor.succession(both).line.split(separator: ".")[0]
    let otherID = String(decoding: Base64.decode(String(renamed)) ?? [], as: UTF8.self)
      .replacing(Vendor.first.publicKey.id, with: Vendor.third.publicKey.id)
    let misnamed = statement(Array(otherID.utf8), kind: "succession", signedBy: Vendor.root)
    return rows.map { Self("root: \($0.0)", file, keys: $0.1, .invalidKeys) } + [
      Self(
        "root: a succession with the signature of another one",
        file,
        keys: forged,
        .invalidKeys
      ),
      Self(
        "root: a key under another key's name",
        file,
        keys: Vendor.published(misnamed),
        .invalidKeys
      ),
    ]
  }

  /// A genuine signature over a body that no service makes.
  private static func statement(_ body: [UInt8], kind: String, signedBy key: Ed25519PrivateKey)
    -> SignedDocument
  {
    let text = Base64.encode(body)
    return SignedDocument(
      lastPart: key.sign(Array("latchkey-\(kind)-1:\(text)".utf8)),
      after: Array(text.utf8),
      armor: Armor(label: "LATCHKEY \(kind.uppercased())", partCount: 2)
    )
  }

  private static func rollbacks() throws -> [VerificationCase] {
    let file = try Vendor.file()
    return [
      Self("root: the succession that was last seen", file, keys: beforeRotation, .valid) {
        $0.lastSeen.successionNumber = 1
      },
      Self("root: a succession before the last seen one", file, keys: beforeRotation, .keysRollback)
      { $0.lastSeen.successionNumber = 2 },
    ]
  }

  private static func revocations() throws -> [VerificationCase] {
    let file = try Vendor.file()
    func list(_ name: String, _ list: SignedDocument, _ result: Verdict, _ seen: Int64? = nil)
      -> VerificationCase
    {
      Self("revocations: \(name)", file, result) {
        ($0.revocations, $0.lastSeen.revocationsNumber) = (list.text, seen)
      }
    }
    let carried = Vendor.published(
      successionAtFirst,
      revocations: Vendor.revocations([17], number: 5)
    )
    let listJSON = String(
      decoding: Base64.decode(String(Vendor.revocations([16, 18]).line.split(separator: ".")[0]))
        ?? [],
      as: UTF8.self
    )
    func bad(_ serials: String) -> SignedDocument {
      statement(
        Array(listJSON.replacing("[16,18]", with: serials).utf8),
        kind: "revocations",
        signedBy: Vendor.first
      )
    }
    return [
      list("an empty list", Vendor.revocations([]), .valid),
      list("other serials", Vendor.revocations([1, 16, 18, 9_007_199_254_740_991]), .valid),
      list("the file's serial", Vendor.revocations([16, 17, 18]), .revoked),
      list(
        "a list that begins with the file's serial",
        Vendor.revocations([18]) { $0.firstSerial = 17 },
        .valid
      ),
      list(
        "a list that begins behind the file's serial",
        Vendor.revocations([18]) { $0.firstSerial = 18 },
        .revoked
      ),
      list("the list that was last seen", Vendor.revocations([]), .valid, 4),
      list("a list before the last seen one", Vendor.revocations([]), .revocationsRollback, 5),
      list(
        "a list that another key signed",
        Vendor.revocations([], signedBy: Vendor.stranger),
        .invalidRevocations
      ),
      list(
        "a list from more than five minutes ahead",
        Vendor.revocations([]) { $0.issuedAt = Vendor.now + .milliseconds(300_001) },
        .invalidRevocations
      ),
      list(
        "a list for another account",
        Vendor.revocations([]) { $0.accountID = Vendor.otherID },
        .invalidRevocations
      ),
      list(
        "a list for the other environment",
        Vendor.revocations([]) { $0.environment = .test },
        .invalidRevocations
      ),
      list("serials that do not rise", bad("[18,16]"), .invalidRevocations),
      list("a serial twice", bad("[16,16]"), .invalidRevocations),
      list("serial 0", bad("[0,16]"), .invalidRevocations),
      list(
        "a beginning that is no number",
        bad("[16,18],\"firstSerial\":\"17\""),
        .invalidRevocations
      ),
      list("a beginning at 0", bad("[16,18],\"firstSerial\":0"), .invalidRevocations),
      Self("revocations: a list that is cut", file, .invalidRevocations) {
        $0.revocations = String(Vendor.revocations([17]).text.dropLast(60))
      },
      Self("root: a list that comes with the keys", file, keys: carried, .revoked),
      Self(
        "root: a newer list beside the one that comes with the keys",
        file,
        keys: carried,
        .valid
      ) {
        $0.revocations = Vendor.revocations([], number: 6).text
      },
      Self(
        "root: an older list beside the one that comes with the keys",
        file,
        keys: carried,
        .revoked
      ) {
        $0.revocations = Vendor.revocations([], number: 4).text
      },
      Self("root: a list for another account", file, keys: beforeRotation, .invalidRevocations) {
        $0.revocations = Vendor.revocations([]) { $0.accountID = Vendor.otherID }.text
      },
    ]
  }
}
