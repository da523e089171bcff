import Cryptography
import Primitives
import Testing

@testable import LatchkeyOffline

/// One check of a file with all that is given to it, and what must come of it; a row of `vectors/verification.json`.
struct VerificationCase: Sendable, CustomTestStringConvertible {
  var name: String
  var file: String
  var result: Verdict
  var publicKeys: [String] = []
  var root: String?
  var keys: String?
  var at = Vendor.now
  var accountID: UUID?
  var environment: Environment?
  var productID: UUID?
  var fingerprint: String?
  var licenseKey: String?
  var revocations: String?
  var lastSeen = LastSeen()

  var testDescription: String { name }

  /// A check with the first signing key.
  init(
    _ name: String,
    _ file: String,
    _ result: Verdict,
    _ change: (inout VerificationCase) -> Void = { _ in }
  ) {
    self.name = name
    self.file = file
    self.result = result
    publicKeys = [Vendor.first.publicKey.text]
    change(&self)
  }

  /// A check with the root and a document of keys.
  init(
    _ name: String,
    _ file: String,
    keys: String,
    _ result: Verdict,
    _ change: (inout VerificationCase) -> Void = { _ in }
  ) {
    self.init(name, file, result)
    publicKeys = []
    root = Vendor.root.publicKey.text
    self.keys = keys
    change(&self)
  }

  /// What the implementation says.
  func outcome() throws -> Outcome {
    do throws(Refusal) {
      var verifier = Verifier(keys: try trustedKeys())
      for text in [revocations, verifier.keys.publishedRevocations] {
        guard let text else { continue }
        let list = try RevocationList(parsing: Array(text.utf8), trusting: verifier.keys, at: at)
        if list.number > verifier.revocations?.number ?? 0 { verifier.revocations = list }
      }
      verifier.accountID = accountID
      verifier.environment = environment
      verifier.productID = productID
      verifier.fingerprint = fingerprint
      verifier.secret = try licenseKey.map { key throws(Refusal) in try FileSecret(licenseKey: key)
      }
      verifier.lastSeen = lastSeen
      return verifier.verify(Array(file.utf8), at: at)
    } catch {
      return Outcome(refused: error, lastSeen: lastSeen)
    }
  }

  private func trustedKeys() throws(Refusal) -> TrustedKeys {
    guard let root, let keys else {
      return TrustedKeys(publicKeys.compactMap { Ed25519PublicKey(text: $0) })
    }
    guard let root = Ed25519PublicKey(text: root) else { throw Refusal(.invalidKeys, "no key") }
    return try TrustedKeys(
      root: root,
      published: PublishedKeys(json: Array(keys.utf8)),
      lastSeenSuccession: lastSeen.successionNumber,
      at: at
    )
  }

  /// The row of the file, where documents stand once and are named.
  func json(naming name: (String) -> String, payload: String?) -> [UInt8] {
    JSONWriter.object { writer in
      writer.member("name", self.name)
      writer.member("file", name(file))
      writer.member("publicKeys", publicKeys)
      writer.member("root", root)
      writer.member("keys", keys.map(name))
      writer.member("at", at)
      writer.member("accountId", accountID)
      writer.member("environment", environment?.rawValue)
      writer.member("productId", productID)
      writer.member("fingerprint", fingerprint)
      writer.member("licenseKey", licenseKey)
      writer.member("revocations", revocations.map(name))
      writer.member("lastSeenTime", lastSeen.time)
      writer.member("lastSeenSerial", lastSeen.serial)
      writer.member("lastSeenRevocations", lastSeen.revocationsNumber)
      writer.member("lastSeenSuccession", lastSeen.successionNumber)
      writer.member("result", result.rawValue)
      writer.member("payload", payload)
    }
  }
}
