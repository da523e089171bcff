public import Faults
internal import Primitives
public import ServiceKit
public import WebhooksSending

/// The settings of the webhooks service.
public struct WebhooksSettings: OwnSettings {
  /// Where it is called, and as whom it appears.
  public let rpc: RPCSettings
  /// Where its data is.
  public let database: DatabaseSettings
  /// The file with the keys that wrap accounts' data keys.
  public let masterKeysFile: String
  /// Which addresses deliveries may go to.
  public let addresses: AddressPolicy
  /// What an account may have, and how long it is kept.
  public let limits: WebhookLimits

  /// Reads the settings.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every setting that is wrong.
  public init(_ reader: SettingsReader) throws(Fault) {
    let days = WebhookLimits.retentionDays
    let endpointsMax: Int
    let eventDays: Int
    let deliveryDays: Int
    (rpc, database, masterKeysFile, addresses, endpointsMax, eventDays, deliveryDays) =
      try reader.require(
        RPCSettings(reader),
        DatabaseSettings(reader),
        reader.masterKeysFile(),
        AddressPolicy(reader),
        reader.integer(
          "LATCHKEY_WEBHOOKS_MAX",
          "webhooks in each environment of an account",
          default: WebhookLimits().endpointsMax,
          in: 1...1_000
        ),
        reader.integer(
          "LATCHKEY_EVENTS_RETENTION_DAYS",
          "for how long events are kept, at least \(days.lowerBound) days",
          placeholder: "DAYS",
          default: WebhookLimits().eventDays,
          in: days
        ),
        reader.integer(
          "LATCHKEY_DELIVERIES_RETENTION_DAYS",
          "for how long the log of deliveries is kept, at least \(days.lowerBound) days",
          placeholder: "DAYS",
          default: WebhookLimits().deliveryDays,
          in: days
        )
      )
    limits = WebhookLimits(
      endpointsMax: endpointsMax,
      eventDays: eventDays,
      deliveryDays: deliveryDays
    )
  }
}

/// What an account may have, and how long it is kept.
public struct WebhookLimits: Sendable {
  /// For how many days anything may be kept.
  ///
  /// Longer than a delivery has attempts to come, which is ten days where the receiver asks each time for the longest wait
  /// that it may; with a day more, and the last one, in which what waits is given up.
  static let retentionDays = 12...3_650

  /// Webhooks in each environment of an account.
  public var endpointsMax: Int
  /// Days that events are kept.
  public var eventDays: Int
  /// Days that the log of deliveries is kept.
  public var deliveryDays: Int

  /// Says what an account may have.
  public init(endpointsMax: Int = 100, eventDays: Int = 30, deliveryDays: Int = 30) {
    self.endpointsMax = endpointsMax
    self.eventDays = eventDays
    self.deliveryDays = deliveryDays
  }
}

extension AddressPolicy {
  /// Reads what the operator allows besides public addresses over https.
  init?(_ reader: SettingsReader) {
    let allowsLoopback = reader.isOn(
      "LATCHKEY_WEBHOOKS_ALLOW_LOOPBACK",
      "whether receivers on this machine may be called; `latchkey up` switches it on",
      default: false
    )
    let rangesName = "LATCHKEY_WEBHOOKS_ALLOWED_RANGES"
    let ranges = Self.ranges(reader, rangesName)
    let allowsPlainHTTP = reader.isOn(
      "LATCHKEY_WEBHOOKS_ALLOW_HTTP",
      "whether what these two allow may be called without TLS",
      default: false
    )
    guard let allowsLoopback, let ranges, let allowsPlainHTTP else { return nil }
    do throws(AddressPolicy.Refusal) {
      try self.init(
        allowsLoopback: allowsLoopback,
        allowedRanges: ranges,
        allowsPlainHTTP: allowsPlainHTTP
      )
    } catch {
      reader.refuse(rangesName, "is not acceptable: \(error.message)")
      return nil
    }
  }

  /// The private ranges that may be called; nil when they were refused.
  private static func ranges(_ reader: SettingsReader, _ name: String) -> [AddressRange]? {
    let setting = Setting(
      name,
      "RANGE,...",
      "private address ranges whose receivers may be called, for closed networks",
      expected: "address ranges such as 10.0.0.0/8, separated by commas",
      without: .value("")
    )
    return reader.value(setting) { text in
      var ranges: [AddressRange] = []
      for part in text.split(separator: ",") {
        guard let range = try? AddressRange(String(part)) else { return nil }
        ranges.append(range)
      }
      return ranges
    }
  }
}
