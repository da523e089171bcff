internal import Messages
internal import Primitives

/// What happened to a license, for the outbox: written in the transaction of the change itself.
struct Event: Equatable, Sendable {
  var id: UUID
  /// The public name.
  var type: String
  /// The place among the events of its license, from 1 without gaps.
  var sequence: Int64
  /// The license after the change: the message that REST answers with, without the key.
  var payload: [UInt8]

  /// A license was issued: always its first event.
  static func licenseCreated(_ license: License, at now: Timestamp) -> Event {
    var shown = license
    shown.key = nil
    var payload: [UInt8] = []
    shown.encode(appendingTo: &payload)
    return Event(id: .v7(at: now), type: "license.created", sequence: 1, payload: payload)
  }
}
