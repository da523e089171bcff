internal import Messages
internal import Primitives

/// The machine that asks for a seat, as it describes itself.
struct SeatRequest {
  var fingerprint: String
  var name: String?
  var platform: Machine.Platform?
  var hostname: String?
  var cores: Int32?
  var metadata: [UInt8]?
  /// Where it calls from.
  var address: String?
  /// Whether asking counts as a heartbeat.
  var isHeartbeat: Bool

  /// The machine, once it has the seat.
  func machine(
    id: UUID,
    license: UUID,
    on terms: HeartbeatTerms,
    at now: Timestamp
  ) -> Machine {
    var machine = Machine(
      id: id.description,
      licenseId: license.description,
      fingerprint: fingerprint,
      name: name,
      platform: platform,
      hostname: hostname,
      ipAddress: address,
      cores: cores,
      heartbeatStatus: .notStarted,
      lastHeartbeatAt: nil,
      metadata: metadata ?? emptyObject,
      createdAt: now.milliseconds,
      updatedAt: now.milliseconds,
      deletedAt: nil,
      heartbeatDueAt: nil
    )
    machine.hear(on: terms, lastHeartbeat: isHeartbeat ? now : nil, lastSeen: now, at: now)
    return machine
  }
}
