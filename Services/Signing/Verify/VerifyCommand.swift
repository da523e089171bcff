internal import Cryptography
internal import LatchkeyOffline
internal import Primitives

/// `latchkey-verify verify`.
enum VerifyCommand {
  private static let options: Set<String> = [
    "--public-key", "--root", "--keys", "--fingerprint", "--license-key", "--account",
    "--environment", "--product", "--revocations", "--last-seen-time", "--last-seen-serial",
    "--last-seen-revocations", "--last-seen-succession", "--at",
  ]

  static func run(_ words: [String]) throws(Complaint) -> Int32 {
    let arguments = try Arguments(words, options: options, repeatable: ["--public-key"])
    let path = try arguments.file()
    let licenseKey = arguments.text("--license-key")
    guard path != "-" || licenseKey != "-" else {
      throw Complaint("FILE and license key cannot both come from standard input")
    }
    let now = try arguments.moment("--at") ?? .now()
    let lastSeen = LastSeen(
      time: try arguments.moment("--last-seen-time"),
      serial: try arguments.number("--last-seen-serial"),
      revocationsNumber: try arguments.number("--last-seen-revocations"),
      successionNumber: try arguments.number("--last-seen-succession")
    )
    let anchor = try Anchor(arguments)
    let text = try Input.bytes(of: path)
    let revocations = try arguments.text("--revocations").map(Input.bytes)
    let accountID = try arguments.id("--account")
    let environment = try arguments.environment("--environment")
    let productID = try arguments.id("--product")
    let secret = try Input.licenseKey(licenseKey)

    let outcome: Outcome
    do throws(Refusal) {
      var verifier = Verifier(keys: try anchor.keys(lastSeen: lastSeen, at: now))
      verifier.revocations = try newest(revocations, verifier.keys, at: now)
      verifier.accountID = accountID
      verifier.environment = environment
      verifier.productID = productID
      verifier.fingerprint = arguments.text("--fingerprint")
      verifier.secret = try secret.map { key throws(Refusal) in try FileSecret(licenseKey: key) }
      verifier.lastSeen = lastSeen
      outcome = verifier.verify(text, at: now)
    } catch {
      outcome = Outcome(refused: error, lastSeen: lastSeen)
    }
    Output.write(line: outcome.json)
    return ExitStatus.of(outcome.verdict)
  }

  /// The newer of the list that was given and the one that came with the keys.
  private static func newest(
    _ given: [UInt8]?,
    _ keys: TrustedKeys,
    at now: Timestamp
  ) throws(Refusal) -> RevocationList? {
    var newest: RevocationList?
    for text in [given, keys.publishedRevocations.map { Array($0.utf8) }] {
      guard let text else { continue }
      let list = try RevocationList(parsing: text, trusting: keys, at: now)
      if list.number > newest?.number ?? 0 { newest = list }
    }
    return newest
  }
}

/// What the user trusts to begin with.
private enum Anchor {
  case keys([Ed25519PublicKey])
  case root(Ed25519PublicKey, document: [UInt8])

  init(_ arguments: Arguments) throws(Complaint) {
    let texts = arguments.all("--public-key")
    switch (texts.isEmpty, arguments.text("--root"), arguments.text("--keys")) {
    case (false, nil, nil):
      var keys: [Ed25519PublicKey] = []
      for text in texts { keys.append(try Input.publicKey(text)) }
      self = .keys(keys)
    case (true, let root?, let path?):
      self = .root(try Input.publicKey(root), document: try Input.bytes(of: path))
    default: throw Complaint("either --public-key, or --root and --keys are needed")
    }
  }

  func keys(lastSeen: LastSeen, at now: Timestamp) throws(Refusal) -> TrustedKeys {
    switch self {
    case .keys(let keys): return TrustedKeys(keys)
    case .root(let root, let document):
      return try TrustedKeys(
        root: root,
        published: PublishedKeys(json: document),
        lastSeenSuccession: lastSeen.successionNumber,
        at: now
      )
    }
  }
}
