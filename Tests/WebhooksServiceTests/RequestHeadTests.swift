import Primitives
import Testing
import WebhooksSending

@testable import WebhooksService

/// The heads of requests as the log keeps them.
@Suite struct RequestHeadTests {
  private static let body = Array(#"{"id":"evt_1"}"#.utf8)
  private static let startedAt = Timestamp(milliseconds: 1_790_000_000_999)
  private static let kept = RequestHead(
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
    of head: RequestHead = kept
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
    let text = Self.kept.kept(request)
    #expect(Self.kept.restored(text) == request.head)
    #expect(text.utf8.count < (isRotating ? 430 : 250), "\(text.utf8.count)")
    // Without the names of headers every bit as well, and without what the delivery says.
    #expect(!text.contains("X-Licentric") && !text.contains(Self.kept.eventID))
  }

  @Test func `what differs from what the delivery says is kept as it was sent`() throws {
    let other = RequestHead(
      eventID: "evt_1",
      eventType: "license.deleted",
      deliveryID: "0198d3c1-0000-7000-8000-000000000002",
      startedAt: Self.startedAt
    )
    let headers =
      try Self.signed(.timestamped, isRotating: false, of: other) + [HeaderField("X-New", "1: 2")]
    let request = try Self.request(headers, to: "https://hooks.example.com:8443/?token=a:b")
    let restored = Self.kept.restored(Self.kept.kept(request))
    #expect(restored == request.head)
    #expect(restored.hasPrefix("POST /?token=a:b\nHost: hooks.example.com:8443\n"))
    #expect(restored.contains("\nwebhook-id: evt_1\n"))
    #expect(restored.hasSuffix("\nX-New: 1: 2\n"))
  }

  /// As an earlier release kept those of attempts that had failed.
  @Test func `a head that was kept whole is shown as it is`() {
    let head = "POST /hook\nX-Licentric-Event: license.created\nwebhook-id: evt_2\n"
    #expect(Self.kept.restored(head) == head)
  }
}
