import Cryptography
import EventLoop
import Faults
import LatchkeyOffline
import Messages
import Postgres
import Primitives
import RPC
import Stubs
import TestKit
import Testing

@Suite(.onLoop) struct RootTests {
  /// The point of a root: an application that was shipped once accepts what later keys sign.
  @Test @EventLoop
  func `files from before and after a rotation count for who embeds only the root`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let root = try await fixture.root()
      let before = try await fixture.sign()
      #expect(fixture.verdict(before, by: try await fixture.verifier(root: root)) == .valid)
      fixture.clock.advance(by: .seconds(600))
      try await fixture.rotate()
      let after = try await fixture.sign()
      #expect(before.file.keyId != after.file.keyId)
      let verifier = try await fixture.verifier(root: root)
      #expect(fixture.verdict(before, by: verifier) == .valid)
      #expect(fixture.verdict(after, by: verifier) == .valid)
      // Nobody who embeds one key alone knows the other: each its own clear result.
      let embedded = try fixture.verifier([try await fixture.key(.active).publicKey])
      #expect(fixture.verdict(before, by: embedded) == .unknownKey)
      #expect(fixture.verdict(after, by: embedded) == .valid)
    }
  }

  @Test @EventLoop func `a key that was withdrawn counts for nobody who has the document`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let root = try await fixture.root()
      let stolen = try await fixture.sign()
      fixture.clock.advance(by: .seconds(1))
      try await fixture.retire(try await fixture.key(.active), force: true, revoke: true)
      let verifier = try await fixture.verifier(root: root)
      #expect(fixture.verdict(stolen, by: verifier) == .keyRevoked)
    }
  }

  @Test @EventLoop func `a key that the root has not vouched for is not rotated to unless forced`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let root = try await fixture.root()
      fixture.clock.advance(by: .seconds(1))
      try await fixture.rotate()
      #expect(try await fixture.key(.next).inSuccession == false)
      let fault = try await fault { try await fixture.rotate() }
      #expect(fault.reason == .businessRuleViolation)
      // The root vouches for it, away from the server.
      let privateRoot = try fixture.privateHalf(of: root)
      let keyset = try await fixture.renewSuccession(by: privateRoot)
      #expect(!keyset.keys.map(\.inSuccession).contains(false))
      fixture.clock.advance(by: .seconds(1))
      try await fixture.rotate()
      let file = try await fixture.sign()
      #expect(fixture.verdict(file, by: try await fixture.verifier(root: root)) == .valid)
      // Forced, its files are refused by who has only the root, and the document stays readable.
      fixture.clock.advance(by: .seconds(1))
      try await fixture.rotate(force: true)
      let unvouched = try await fixture.sign()
      let verifier = try await fixture.verifier(root: root)
      #expect(fixture.verdict(unvouched, by: verifier) == .unknownKey)
      #expect(fixture.verdict(file, by: verifier) == .valid)
    }
  }

  /// The private half must be in the one answer and nowhere else.
  @Test @EventLoop func `the private half is shown once and kept nowhere`() async throws {
    try await SigningFixture.with { fixture in
      var options = fixture.options
      options.caller?.idempotencyKey = [UInt8](repeating: 1, count: 32)
      options.caller?.requestHash = [UInt8](repeating: 2, count: 32)
      let request = CreateSigningRootRequest()
      let made = try await fixture.gateway.createSigningRoot(request, options)
      let repeated = try await fixture.gateway.createSigningRoot(request, options)
      #expect(made.privateKey != nil)
      #expect(repeated.privateKey == nil)
      #expect(repeated.publicKey == made.publicKey)
      let key = try fixture.privateHalf(of: made)
      #expect(key.publicKey.text == made.publicKey)
      let lines = try await fixture.audited().filter { $0.action == "signingRoot.create" }
      let line = String(decoding: try #require(lines.first?.after), as: UTF8.self)
      #expect(!line.contains("privateKey"))
      // As text and as bytes, in every column of every table.
      let dump =
        try await fixture.test.open().read(
          """
          select string_agg(t::text, ' ') from (
            select to_jsonb(x)::text as t from signing.keysets x
            union all select to_jsonb(x)::text from signing.keys x
            union all select to_jsonb(x)::text from signing.statements x
            union all select to_jsonb(x)::text from changes.audit_entries x
          ) all_rows
          """
        ).single().value(0) as String
      let seed = key.seed.copy()
      #expect(!dump.contains(Hex.encode(seed)))
      let text = try #require(made.privateKey)
      #expect(!dump.contains(text))
    }
  }

  @Test @EventLoop func `there is one root unless it is replaced`() async throws {
    try await SigningFixture.with { fixture in
      let first = try await fixture.root()
      #expect(try await fault { try await fixture.root() }.reason == .conflict)
      let second = try await fixture.root(replace: true)
      #expect(first.publicKey != second.publicKey)
      #expect(try await fixture.keyset().root?.publicKey == second.publicKey)
      let file = try await fixture.sign()
      #expect(fixture.verdict(file, by: try await fixture.verifier(root: second)) == .valid)
      await #expect(throws: Refusal.self) { try await fixture.verifier(root: first) }
    }
  }

  @Test @EventLoop func `a root that its owner has made is taken without its private half`()
    async throws
  {
    try await SigningFixture.with { fixture in
      let own = Ed25519PrivateKey.generate()
      let root = try await fixture.root(publicKey: own.publicKey.text)
      #expect(root.privateKey == nil && root.succession == nil)
      let account = PublishedRequest(account: fixture.tenant.accountID.description)
      let before = try await fault { try await fixture.gateway.getKeysDocument(account) }
      #expect(before.code == .notFound)
      try await fixture.renewSuccession(by: own)
      let file = try await fixture.sign()
      #expect(fixture.verdict(file, by: try await fixture.verifier(root: root)) == .valid)
    }
  }

  @Test(arguments: ["AAAA", String(repeating: "A", count: 60), String(repeating: "!", count: 60)])
  @EventLoop func `what is no public key is refused as a root`(text: String) async throws {
    try await SigningFixture.with { fixture in
      let fault = try await fault { try await fixture.root(publicKey: text) }
      #expect(fault.code == .invalidArgument)
    }
  }

  @Test @EventLoop
  func `a succession that is not the root's, not ours or not the latest is refused`()
    async throws
  {
    try await SigningFixture.with { fixture in
      #expect(try await fault { try await fixture.install("x") }.code == .notFound)
      let root = try await fixture.root()
      let key = try fixture.privateHalf(of: root)
      let signed = try await fixture.signedSuccession(by: key)
      #expect(throws: Refusal.self) {
        try Succession.sign("latchkey-keyset-1:e30=", by: key)
      }
      // One letter of the signature.
      var damaged = Array(signed.utf8)
      let dot = try #require(damaged.firstIndex(of: UInt8(ascii: ".")))
      damaged[dot + 5] =
        damaged[dot + 5] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      let text = String(decoding: damaged, as: UTF8.self)
      #expect(try await fault { try await fixture.install(text) }.code == .invalidArgument)
      // What another tenant's root has signed.
      let other = try await fault {
        try await fixture.gateway.installSuccession(
          InstallSuccessionRequest(succession: signed),
          fixture.options(Tenant(accountID: fixture.tenant.accountID, environment: .live))
        )
      }
      #expect(other.code == .notFound)
      try await fixture.install(signed)
      #expect(try await fault { try await fixture.install(signed) }.reason == .conflict)
      // The keys changed between the proposal and the signature.
      let late = try await fixture.signedSuccession(by: key)
      fixture.clock.advance(by: .seconds(1))
      try await fixture.rotate()
      #expect(try await fault { try await fixture.install(late) }.reason == .conflict)
    }
  }
}
