internal import Changes
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import ServiceKit

/// What became of a request for a seat.
enum SeatOutcome {
  /// The machine had one already; its lease is renewed.
  case held(Machine)
  /// It has one now.
  case taken(Machine)
  /// It has none; the events that tell so are to be committed.
  case refused(Fault)
}

extension Licenses {
  /// Gives a machine a seat of a license that is locked, or renews the one it has; the license is saved by whoever
  /// locked it.
  ///
  /// When none is free, leases that have run out are ended first, so that nobody waits for the sweeper. A limit that
  /// is reached is an event; that a machine is bound to another license is none.
  func takeSeat(
    _ request: SeatRequest,
    _ seats: inout LockedSeats,
    _ change: Change
  ) async throws(Fault) -> SeatOutcome {
    let terms = seats.heartbeatTerms
    if var machine = seats.machine {
      guard terms.isLease else { return .held(machine) }
      machines.renew(try UUID(checked: machine.id), asHeartbeat: request.isHeartbeat, change)
      let lastHeartbeat = machine.lastHeartbeatAt.map(Timestamp.init(milliseconds:))
      machine.hear(
        on: terms,
        lastHeartbeat: request.isHeartbeat ? change.now : lastHeartbeat,
        lastSeen: change.now,
        at: change.now
      )
      return .held(machine)
    }
    if let refusal = seats.refusal {
      if refusal.reason != .conflict { limitReached(&seats, change) }
      return .refused(refusal)
    }
    if seats.isFull, terms.isLease, seats.license.policy.heartbeatCullStrategy == .deactivateDead {
      try await buryDead(of: &seats.license, change)
    }
    if seats.isFull {
      limitReached(&seats, change)
      return .refused(seats.fullness)
    }
    let id = UUID.v7(at: change.now)
    let machine = request.machine(id: id, license: seats.license.id, on: terms, at: change.now)
    try machines.insert(machine, id: id, seats, change)
    seats.license.license.machineCount += 1
    seats.license.emit(.machineActivated, machine, at: change.now)
    try change.record("machine.activate", id, before: nil, after: machine)
    return .taken(machine)
  }

  private func limitReached(_ seats: inout LockedSeats, _ change: Change) {
    seats.license.emit(
      .licenseLimitReached,
      seats.license.current(at: change.now),
      at: change.now
    )
  }

  /// Runs a change that may add a machine, and says what is in the way when the database finds it first.
  func admittingMachine<T>(_ body: () async throws(Fault) -> T) async throws(Fault) -> T {
    do throws(Fault) {
      return try await storingMetadata(body)
    } catch {
      guard let failure = error.serverError, failure.state == .uniqueViolation,
        failure.constraint == "machines_unique"
      else { throw error }
      throw LockedSeats.takenElsewhere
    }
  }
}
