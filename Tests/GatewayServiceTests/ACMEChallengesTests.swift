import EventLoop
import Testing

@testable import GatewayService

@Suite struct ACMEChallengesTests {
  nonisolated static let prefix = "/.well-known/acme-challenge/"

  @Test @EventLoop func `a path of a challenge has a token of base64url, and nothing behind it`() {
    for token in [
      "a", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", String(repeating: "x", count: 128),
    ] {
      #expect(ACMEChallenges.token(Array((Self.prefix + token).utf8)) == token)
    }
  }

  @Test(arguments: [
    "", "/", "/.well-known/acme-challenge", prefix, prefix + "..", prefix + "../secret",
    prefix + "a/b",
    prefix + "a?b", prefix + "a%2e", prefix + "a.txt", prefix + ".hidden", prefix + "a\0",
    "/" + prefix + "a",
    prefix + String(repeating: "x", count: 129), "http://name" + prefix + "a",
    "/.well-known/ACME-challenge/a",
  ])
  @EventLoop func `any other path is none`(path: String) {
    #expect(ACMEChallenges.token(Array(path.utf8)) == nil)
  }
}
