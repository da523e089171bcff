import Faults
import Primitives
import ServiceKit
import Testing
import WebhooksSending

@testable import WebhooksService

/// What an operator opens to deliveries by settings.
@Suite struct WebhooksSettingsTests {
  private static let ranges = "LATCHKEY_WEBHOOKS_ALLOWED_RANGES"
  private static let loopback = "LATCHKEY_WEBHOOKS_ALLOW_LOOPBACK"
  private static let plainHTTP = "LATCHKEY_WEBHOOKS_ALLOW_HTTP"

  /// One row a set of settings: what they allow.
  struct Row: Sendable {
    var settings: [String: String]
    var ranges: [String] = []
    var allowsLoopback = false
    var allowsPlainHTTP = false
  }

  static let rows = [
    Row(settings: [:]),
    Row(settings: [ranges: "10.0.0.0/8"], ranges: ["10.0.0.0/8"]),
    Row(
      settings: [ranges: "10.1.0.0/16,192.168.7.9/32,fd12::/16", plainHTTP: "on"],
      ranges: ["10.1.0.0/16", "192.168.7.9/32", "fd12::/16"],
      allowsPlainHTTP: true
    ),
    Row(
      settings: [loopback: "on", plainHTTP: "on"],
      allowsLoopback: true,
      allowsPlainHTTP: true
    ),
    Row(settings: [loopback: "off", plainHTTP: "off"]),
  ]

  @Test(arguments: rows.indices)
  func `settings say what may be called besides public addresses`(row: Int) throws {
    let row = Self.rows[row]
    let reader = SettingsReader(row.settings)
    let policy = try #require(AddressPolicy(reader))
    try reader.finish()
    #expect(policy.allowedRanges.map(\.description) == row.ranges)
    #expect(policy.allowsLoopback == row.allowsLoopback)
    #expect(policy.allowsPlainHTTP == row.allowsPlainHTTP)
  }

  @Test(arguments: [
    (ranges, "10.0.0.1", "is '10.0.0.1'; expected address ranges such as 10.0.0.0/8"),
    (ranges, "10.0.0.1/8", "expected address ranges"),
    (ranges, "10.0.0.0/8, 172.16.0.0/12", "expected address ranges"),
    (ranges, "intranet", "expected address ranges"),
    (ranges, "8.8.8.0/24", "is not acceptable: The range 8.8.8.0/24 is not private"),
    (ranges, "10.0.0.0/8,0.0.0.0/0", "The range 0.0.0.0/0 is not private"),
    (ranges, "169.254.0.0/16", "The range 169.254.0.0/16 is not private"),
    (ranges, "127.0.0.0/8", "The range 127.0.0.0/8 is not private"),
    (loopback, "yes", "is 'yes'; expected on or off"),
    (plainHTTP, "true", "is 'true'; expected on or off"),
  ])
  func `what cannot be opened is refused in one sentence`(
    name: String,
    value: String,
    sentence: String
  ) throws {
    let reader = SettingsReader([name: value])
    #expect(AddressPolicy(reader) == nil)
    let fault = try #require(throws: Fault.self) { try reader.finish() }
    #expect(fault.issues.map(\.path) == [[name]])
    #expect(fault.issues[0].message.contains(sentence), "\(fault.issues[0].message)")
  }
}
