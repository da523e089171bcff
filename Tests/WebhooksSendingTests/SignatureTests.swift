import Cryptography
import Primitives
import Testing

@testable import WebhooksSending

/// The signatures in every scheme, against values that openssl made.
@Suite struct SignatureTests {
  // printf '%s' "whsec_AAEC…" as the key's text, and its decoded bytes 00 01 02 … 1f.
  private static let text = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
  private static let otherText = "whsec_//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA="
  private static let body = Array(#"{"id":"evt_1","type":"license.created"}"#.utf8)
  private static let now = Timestamp(milliseconds: 1_790_000_000_999)

  private static func secret(_ text: String) throws -> WebhookSecret {
    var bytes = Array(text.utf8)
    return try #require(WebhookSecret(SecretBytes(wiping: &bytes)))
  }

  private func headers(_ signer: DeliverySigner) -> [String: String] {
    let headers = signer.headers(
      eventID: "evt_1",
      eventType: "license.created",
      deliveryID: "0198d3c1-0000-7000-8000-000000000001",
      body: SignatureTests.body,
      at: SignatureTests.now
    )
    #expect(Set(headers.map { $0.name.lowercased() }).count == headers.count)
    return Dictionary(uniqueKeysWithValues: headers.map { ($0.name, $0.value) })
  }

  @Test func `every scheme's signature is there`() throws {
    let signed = headers(DeliverySigner(current: try SignatureTests.secret(SignatureTests.text)))
    #expect(
      signed == [
        "Content-Type": "application/json",
        "X-Licentric-Event": "license.created",
        "X-Licentric-Delivery": "0198d3c1-0000-7000-8000-000000000001",
        "X-Licentric-Timestamp": "1790000000",
        "X-Licentric-Signature": "074e5afbbba1729565da3cb51429fc3bf2c19a406a502d565e1f69c162671491",
        "X-Licentric-Signature-Body":
          "a6262fd024df56e834303b1ba7e25631aaaf7cf210d9958137a048744d26f37c",
        "webhook-id": "evt_1",
        "webhook-timestamp": "1790000000",
        "webhook-signature": "v1,1PX0AbXWvXLbmbCbI4LcTwRfPb+O4Wf5voWbaKADKxQ=",
      ]
    )
  }

  @Test func `the legacy scheme signs the body alone and shows no time`() throws {
    let current = try SignatureTests.secret(SignatureTests.text)
    let signed = headers(DeliverySigner(current: current, scheme: .legacy))
    let usual = headers(DeliverySigner(current: current))
    #expect(signed["X-Licentric-Timestamp"] == nil)
    #expect(signed["X-Licentric-Signature"] == usual["X-Licentric-Signature-Body"])
    #expect(signed["X-Licentric-Signature-Body"] == usual["X-Licentric-Signature-Body"])
    #expect(signed["webhook-signature"] == usual["webhook-signature"])
    #expect(signed["webhook-timestamp"] == "1790000000")
  }

  @Test func `during a rotation both secrets sign, and receivers of the old one see no change`()
    throws
  {
    let old = try SignatureTests.secret(SignatureTests.text)
    let new = try SignatureTests.secret(SignatureTests.otherText)
    let before = headers(DeliverySigner(current: old))
    let during = headers(DeliverySigner(current: old, next: new))
    let after = headers(DeliverySigner(current: new))
    for name in ["X-Licentric-Signature", "X-Licentric-Signature-Body"] {
      #expect(during[name] == before[name])
      #expect(during[name + "-Next"] == after[name])
    }
    let both = try [#require(after["webhook-signature"]), #require(before["webhook-signature"])]
    #expect(during["webhook-signature"] == both.joined(separator: " "))
    #expect(after["X-Licentric-Signature-Next"] == nil)
  }

  @Test func `a new secret is random and serves both schemes`() throws {
    let first = WebhookSecret.generate()
    let second = WebhookSecret.generate()
    #expect(!first.equals(second))
    #expect(first.count == WebhookSecret.characterCount)
    #expect(WebhookSecret(first) != nil)
    let text = first.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    #expect(text.hasPrefix("whsec_"))
    #expect(Base64.decode(String(text.dropFirst(6)))?.count == 32)
  }

  @Test(arguments: [
    "", "whsec_", "whsec_AAEC", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "WHSEC_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=",
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-=",
  ])
  func `a text that is no secret is refused`(text: String) {
    // Memory for secrets has at least one byte.
    var bytes = Array(text.isEmpty ? "\0".utf8 : text.utf8)
    #expect(WebhookSecret(SecretBytes(wiping: &bytes)) == nil)
  }

  @Test func `a secret is not shown`() throws {
    let secret = try SignatureTests.secret(SignatureTests.text)
    var dumped = ""
    dump(secret, to: &dumped)
    for text in ["\(secret)", String(reflecting: secret), dumped] {
      #expect(!text.contains("AAEC"))
    }
  }

  @Test func `a line break cannot reach a header`() async {
    await #expect(processExitsWith: .failure) { _ = HeaderField("X-A\r\nX-B", "1") }
    await #expect(processExitsWith: .failure) { _ = HeaderField("X-A", "1\r\nX-B: 2") }
  }
}
