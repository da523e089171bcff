import Cryptography
import Testing

@Suite struct Argon2idTests {
  private static let cheap = Argon2id.Cost(passes: 1, memoryKiB: 8)

  /// Source: the reference implementation of Argon2 (P-H-C/phc-winner-argon2), `src/test.c`, those of Argon2id with one
  /// lane; the vector of RFC 9106, section 5.3, has four lanes and a secret, which libsodium does not offer.
  @Test(arguments: [
    (
      "password",
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    ),
    (
      "password",
      "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
    ),
    (
      "differentpassword",
      "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94"
    ),
    (
      "password",
      "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw"
    ),
  ])
  func `the published hashes are of their passwords`(password: String, hash: String) {
    #expect(Argon2id.verify(password, against: hash))
    #expect(!Argon2id.verify(password + " ", against: hash))
  }

  @Test func `a hash is of its password and of no other, and has a salt of its own`() throws {
    for password in ["", "a", "pässwörd 🔑", String(repeating: "x", count: 1_024)] {
      let hash = try #require(Argon2id.hash(password, Self.cheap))
      #expect(hash.hasPrefix("$argon2id$v=19$m=8,t=1,p=1$"))
      #expect(Argon2id.verify(password, against: hash))
      #expect(!Argon2id.verify(password + "x", against: hash))
      #expect(Argon2id.hash(password, Self.cheap) != hash)
    }
  }

  @Test func `a hash of another cost is told`() throws {
    let hash = try #require(Argon2id.hash("p", Self.cheap))
    #expect(!Argon2id.needsRehash(hash, Self.cheap))
    #expect(Argon2id.needsRehash(hash, .init(passes: 2, memoryKiB: 8)))
    #expect(Argon2id.needsRehash(hash, .init(passes: 1, memoryKiB: 16)))
    #expect(Argon2id.needsRehash("nonsense", Self.cheap))
  }

  @Test func `an unmatchable hash is one of the same cost`() {
    let hash = Argon2id.unmatchable(Self.cheap)
    #expect(!Argon2id.needsRehash(hash, Self.cheap))
    #expect(!Argon2id.verify("", against: hash))
    #expect(Argon2id.unmatchable(Self.cheap) != hash)
  }

  @Test(arguments: ["", "$argon2id$", "plain", String(repeating: "$", count: 5_000)])
  func `what is no hash is of no password`(hash: String) {
    #expect(!Argon2id.verify("password", against: hash))
  }
}
