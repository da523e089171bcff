internal import Faults
internal import Messages
internal import Postgres
internal import Primitives

/// What a policy wants to hear from the machines of its licenses; pure rules.
///
/// Source: the REST contract, section 3.5 and section 9, rows 42 and 49.
struct HeartbeatTerms: Equatable, Sendable {
  /// Whether a validation needs the machine to have sent a heartbeat.
  var isRequired: Bool
  /// Whether seats float from machine to machine.
  var isFloating: Bool
  /// How long a machine may be silent.
  var interval: Duration

  /// Whether a machine keeps its seat for no longer than it is heard of.
  var isLease: Bool { isRequired || isFloating }

  /// When a machine counts as dead unless it is heard of before; nil where nothing is wanted of it.
  ///
  /// It was last seen at its last heartbeat or renewal; before the first one, at its activation.
  func due(lastSeen: Timestamp) -> Timestamp? { isLease ? lastSeen + interval : nil }

  /// Whether a machine is alive at a moment.
  func status(
    lastHeartbeat: Timestamp?,
    lastSeen: Timestamp,
    at now: Timestamp
  ) -> Machine.HeartbeatStatus {
    if let due = due(lastSeen: lastSeen), due < now { return .dead }
    return lastHeartbeat == nil ? .notStarted : .alive
  }
}

extension HeartbeatTerms {
  /// The terms of a policy.
  init(_ policy: Policy) {
    self.init(
      isRequired: policy.requireHeartbeat,
      isFloating: policy.floating,
      interval: .seconds(Int64(policy.heartbeatIntervalMinutes) * 60)
    )
  }

  /// The columns that ``init(_:from:)`` reads, of a table called `p`.
  static let columns = "p.require_heartbeat, p.floating, p.heartbeat_interval_minutes"

  /// Reads ``columns``, which begin at a column.
  init(_ row: Row, from first: Int) throws(Fault) {
    let minutes: Int64 = try row.value(first + 2)
    self.init(
      isRequired: try row.value(first),
      isFloating: try row.value(first + 1),
      interval: .seconds(minutes * 60)
    )
  }
}
