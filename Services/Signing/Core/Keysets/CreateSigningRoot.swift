internal import Changes
internal import Cryptography
public import Faults
internal import LatchkeyOffline
public import Messages
internal import Primitives
public import RPC

extension Signing {
  /// Makes the root of the caller's environment, and signs the first succession with it before its private half is
  /// given away; or takes the public half of one that the caller has made.
  ///
  /// The private half is in no row, no log and no kept answer: the same request again, by its `Idempotency-Key`, is
  /// answered without it.
  ///
  /// - Throws: ``Fault`` `CONFLICT` when there is a root and the request does not replace it; `invalidArgument` when the
  ///   public key is none.
  public func createSigningRoot(
    _ request: CreateSigningRootRequest,
    _ call: Call
  ) async throws(Fault) -> SigningRoot {
    let tenant = try call.requireTenant()
    let given = try request.publicKey.map { (text) throws(Fault) in
      try Ed25519PublicKey(checked: text)
    }
    _ = try await keyset(of: tenant)
    var made: Ed25519PrivateKey?
    var answer = try await changes.make(call, for: tenant) { (change) async throws(Fault) in
      var keyset = try await self.keysets.lock(change)
      guard keyset.root == nil || request.replace == true else {
        throw Fault(
          .alreadyExists,
          "There is a root already; to replace it means that applications which embed it accept nothing that follows",
          reason: .conflict
        )
      }
      if given == nil { made = Ed25519PrivateKey.generate() }
      guard let publicKey = given ?? made?.publicKey else {
        throw .internalError("A root has a public key")
      }
      let root = StoredKeyset.Root(publicKey: publicKey, createdAt: change.now)
      keyset.root = root
      self.keysets.save(root, change)
      self.statements.deleteSuccession(change)
      var succession: String?
      if let made {
        let unsigned = keyset.unsignedSuccession(by: root, of: tenant, at: change.now)
        let text = unsigned.signed(by: made.sign(unsigned.bytesToSign)).text
        try self.install(text, keyset, root, change)
        succession = text
      }
      let answer = SigningRoot(
        keyId: publicKey.id,
        publicKey: publicKey.text,
        succession: succession,
        createdAt: change.now.milliseconds
      )
      try change.record("signingRoot.create", tenant.accountID, before: nil, after: answer)
      return answer
    }
    answer.privateKey = made.map { key in
      var seed = key.seed.copy()
      defer { wipe(&seed) }
      return Base64.encode(seed)
    }
    return answer
  }
}

extension Ed25519PublicKey {
  /// Reads a public key from a request.
  fileprivate init(checked text: String) throws(Fault) {
    guard let key = Ed25519PublicKey(text: text) else {
      throw .invalid([
        .init(
          path: ["publicKey"],
          message: "Must be the base 64 of an Ed25519 public key's 44-byte SubjectPublicKeyInfo",
          code: "invalid_string"
        )
      ])
    }
    self = key
  }
}
