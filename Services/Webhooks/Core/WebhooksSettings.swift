public import Faults
internal import Primitives
public import ServiceKit
public import WebhooksSending

/// The settings of the webhooks service.
public struct WebhooksSettings: Sendable {
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
        reader.readableFile("LATCHKEY_MASTER_KEYS_FILE"),
        AddressPolicy(reader),
        reader.integer(
          "LATCHKEY_WEBHOOKS_MAX",
          default: WebhookLimits().endpointsMax,
          in: 1...1_000
        ),
        reader.integer("LATCHKEY_EVENTS_RETENTION_DAYS", default: 30, in: days),
        reader.integer("LATCHKEY_DELIVERIES_RETENTION_DAYS", default: 30, in: days)
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
  fileprivate init?(_ reader: SettingsReader) {
    let rangesName = "LATCHKEY_WEBHOOKS_ALLOWED_RANGES"
    let allowsLoopback = reader.isOn("LATCHKEY_WEBHOOKS_ALLOW_LOOPBACK", default: false)
    let allowsPlainHTTP = reader.isOn("LATCHKEY_WEBHOOKS_ALLOW_HTTP", default: false)
    guard let allowsLoopback, let allowsPlainHTTP, let text = reader.text(rangesName, default: "")
    else { return nil }
    do {
      var ranges: [AddressRange] = []
      for part in text.split(separator: ",") {
        ranges.append(try AddressRange(String(part)))
      }
      try self.init(
        allowsLoopback: allowsLoopback,
        allowedRanges: ranges,
        allowsPlainHTTP: allowsPlainHTTP
      )
    } catch let refusal as AddressPolicy.Refusal {
      reader.refuse(rangesName, refusal.message)
      return nil
    } catch {
      reader.refuse(rangesName, "Must be address ranges such as 10.0.0.0/8, separated by commas")
      return nil
    }
  }
}
