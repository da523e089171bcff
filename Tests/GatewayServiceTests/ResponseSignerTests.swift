import Cryptography
import EventLoop
import Faults
import Primitives
import Testing

@testable import GatewayService

/// The keys service: keys, none, or a fault.
@EventLoop
private final class KeySource {
  var answer: Result<SigningKeys?, Fault> = .success(KeySource.keys("a"))

  static func keys(_ active: String, next: String? = nil) -> SigningKeys {
    SigningKeys(
      active: HMACSHA256(key: Array(active.utf8)),
      next: next.map { HMACSHA256(key: Array($0.utf8)) }
    )
  }
}

extension GatewaySuites {
  @Suite struct ResponseSignerTests {
    private static let body = Array(#"{"data":{}}"#.utf8)

    @EventLoop private func make() -> (ResponseSigner, KeySource, HandClock) {
      let clock = HandClock()
      let source = KeySource()
      let signer = ResponseSigner(
        now: { clock.now },
        lookup: { (_) async throws(Fault) in try source.answer.get() }
      )
      return (signer, source, clock)
    }

    /// What a key makes of the body at the time of a signature.
    @EventLoop private func expected(_ key: String, _ signature: Answer.Signature) -> String {
      ResponseSigner.signature(
        of: Self.body,
        at: signature.timestamp,
        with: HMACSHA256(key: Array(key.utf8))
      )
    }

    @Test @EventLoop func `a known key goes on signing for a while when the service is gone`()
      async throws
    {
      let (signer, source, clock) = make()
      #expect(try await signer.keys(of: .onlyAccount) != nil)
      source.answer = .failure(.unavailable("gone"))
      clock.advance(.seconds(11))
      #expect(try await signer.keys(of: .onlyAccount) != nil)
      await #expect(throws: Fault.self) { try await signer.keys(of: .account(.v7())) }
      clock.advance(.seconds(300))
      await #expect(throws: Fault.self) { try await signer.keys(of: .onlyAccount) }
    }

    @Test @EventLoop func `a service that answers is believed`() async throws {
      let (signer, source, clock) = make()
      #expect(try await signer.keys(of: .onlyAccount) != nil)
      source.answer = .success(nil)
      clock.advance(.seconds(11))
      #expect(try await signer.keys(of: .onlyAccount) == nil)
    }

    @Test @EventLoop func `the next key signs the same bytes and time beside the active one`()
      async throws
    {
      let (signer, source, clock) = make()
      let alone = try #require(try await signer.signature(of: Self.body, by: .onlyAccount))
      #expect(alone.text == expected("a", alone))
      #expect(alone.next == nil)
      source.answer = .success(KeySource.keys("a", next: "b"))
      clock.advance(.seconds(1))
      let both = try #require(try await signer.signature(of: Self.body, by: .onlyAccount))
      #expect(both.text == expected("a", both))
      #expect(both.next == expected("b", both))
      let now = try #require(signer.signatureNow(of: Self.body, by: .onlyAccount))
      #expect(now?.next != nil)
    }

    /// The promise: every gateway follows within a second, also one whose keys are in use all the time.
    @Test @EventLoop func `a promoted key signs within a second`() async throws {
      let (signer, source, clock) = make()
      _ = try await signer.signature(of: Self.body, by: .onlyAccount)
      source.answer = .success(KeySource.keys("b"))
      var signature: Answer.Signature?
      for _ in 0..<9 {
        clock.advance(.milliseconds(100))
        signature = try await signer.signature(of: Self.body, by: .onlyAccount)
      }
      let last = try #require(signature)
      #expect(last.text == expected("b", last))
    }

    @Test @EventLoop func `what was changed here signs at once`() async throws {
      let (signer, source, _) = make()
      _ = try await signer.signature(of: Self.body, by: .onlyAccount)
      source.answer = .success(KeySource.keys("b"))
      signer.forget()
      #expect(signer.signatureNow(of: Self.body, by: .onlyAccount) == nil)
      let signature = try #require(try await signer.signature(of: Self.body, by: .onlyAccount))
      #expect(signature.text == expected("b", signature))
    }

    /// The contract's form: the text of the time, a dot, the body.
    @Test @EventLoop func `the signature is that of the contract`() {
      // Made with: printf '1700000000.{"data":{}}' | openssl dgst -sha256 -hmac KEY
      let signature = ResponseSigner.signature(
        of: Self.body,
        at: "1700000000",
        with: HMACSHA256(key: Array("KEY".utf8))
      )
      #expect(signature == "d525433bc6f931b700aa3e0bb11768b1feb6db0d6359f90282cf8b2a0c965379")
    }
  }
}
