import Primitives
import Testing
import WebhooksSending

@testable import WebhooksService

/// The heads of requests as the log keeps them.
@Suite struct KeptHeadTests {
  private static let body = Array(#"{"id":"evt_1"}"#.utf8)
  private static let startedAt = Timestamp(milliseconds: 1_790_000_000_999)
  private static let kept = KeptHead(
    eventID: "evt_6f1c0a7be2d94c0f8a35d1b7e9024c6d",
    eventType: "license.created",
    deliveryID: "0198d3c1-0000-7000-8000-000000000001",
    startedAt: startedAt
  )

  private static func secret() throws -> WebhookSecret {
    try #require(WebhookSecret(WebhookSecret.generate()))
  }

  private static func request(
    _ headers: [HeaderField],
    to url: String = "https://hooks.example.com/hook"
  ) throws -> OutgoingRequest {
    OutgoingRequest(
      url: try WebhookURL(url, policy: .publicOnly),
      headers: headers,
      body: body
    )
  }

  private static func signed(
    _ scheme: SignatureScheme,
    isRotating: Bool,
    of head: KeptHead = kept
  ) throws -> [HeaderField] {
    DeliverySigner(
      current: try secret(),
      next: isRotating ? try secret() : nil,
      scheme: scheme
    ).headers(
      eventID: head.eventID,
      eventType: head.eventType,
      deliveryID: head.deliveryID,
      body: body,
      at: startedAt
    )
  }

  @Test(arguments: SignatureScheme.allCases, [false, true])
  func `a head is kept short, and shown as it was sent`(
    scheme: SignatureScheme,
    isRotating: Bool
  ) throws {
    let request = try Self.request(try Self.signed(scheme, isRotating: isRotating))
    let text = Self.kept.text(of: request)
    #expect(Self.kept.restored(text) == request.head)
    #expect(text.utf8.count < (isRotating ? 430 : 250), "\(text.utf8.count)")
    // Without the names of headers every bit as well, and without what the delivery says.
    #expect(!text.contains("X-Licentric") && !text.contains(Self.kept.eventID))
  }

  @Test func `what differs from what the delivery says is kept as it was sent`() throws {
    let other = KeptHead(
      eventID: "evt_1",
      eventType: "license.deleted",
      deliveryID: "0198d3c1-0000-7000-8000-000000000002",
      startedAt: Self.startedAt
    )
    let headers =
      try Self.signed(.timestamped, isRotating: false, of: other) + [HeaderField("X-New", "1: 2")]
    let request = try Self.request(headers, to: "https://hooks.example.com:8443/?token=a:b")
    let restored = Self.kept.restored(Self.kept.text(of: request))
    #expect(restored == request.head)
    #expect(restored.hasPrefix("POST /?token=a:b\nHost: hooks.example.com:8443\n"))
    #expect(restored.contains("\nwebhook-id: evt_1\n"))
    #expect(restored.hasSuffix("\nX-New: 1: 2\n"))
  }

  /// What the log is full of: where this fails, heads that were kept before are shown wrong, or not as they were sent.
  @Test func `the text of a kept head is this, and means this`() throws {
    let names = ["", "-Body", "-Next", "-Body-Next"].map { "X-Licentric-Signature\($0)" }
    let signatures = (names + ["webhook-signature"]).map { HeaderField($0, "of \($0)") }
    let request = try Self.request(
      [
        HeaderField("Content-Type", "application/json"),
        HeaderField("X-Licentric-Event", "license.created"),
        HeaderField("X-Licentric-Delivery", "0198d3c1-0000-7000-8000-000000000001"),
        HeaderField("X-Licentric-Timestamp", "1790000000"),
        HeaderField("webhook-id", "evt_6f1c0a7be2d94c0f8a35d1b7e9024c6d"),
        HeaderField("webhook-timestamp", "1790000000"),
      ] + signatures
    )
    let text = """
      POST /hook
      Host: hooks.example.com
      \u{1}
      \u{2}
      \u{3}
      \u{4}
      \u{5}
      \u{6}
      \u{E}of X-Licentric-Signature
      \u{F}of X-Licentric-Signature-Body
      \u{10}of X-Licentric-Signature-Next
      \u{11}of X-Licentric-Signature-Body-Next
      \u{12}of webhook-signature

      """
    #expect(Self.kept.text(of: request) == text)
    #expect(
      Self.kept.restored(text) == """
        POST /hook
        Host: hooks.example.com
        Content-Type: application/json
        X-Licentric-Event: license.created
        X-Licentric-Delivery: 0198d3c1-0000-7000-8000-000000000001
        X-Licentric-Timestamp: 1790000000
        webhook-id: evt_6f1c0a7be2d94c0f8a35d1b7e9024c6d
        webhook-timestamp: 1790000000
        X-Licentric-Signature: of X-Licentric-Signature
        X-Licentric-Signature-Body: of X-Licentric-Signature-Body
        X-Licentric-Signature-Next: of X-Licentric-Signature-Next
        X-Licentric-Signature-Body-Next: of X-Licentric-Signature-Body-Next
        webhook-signature: of webhook-signature

        """
    )
  }

  /// As an earlier release kept those of attempts that had failed.
  @Test func `a head that was kept whole is shown as it is`() {
    let head = "POST /hook\nX-Licentric-Event: license.created\nwebhook-id: evt_2\n"
    #expect(Self.kept.restored(head) == head)
  }
}
