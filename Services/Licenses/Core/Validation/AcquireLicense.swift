internal import Changes
internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC

extension Licenses {
  /// Validates the license whose key the request brings, and takes or renews the seat of a machine.
  ///
  /// The rules are those of a validation, and a valid answer is a use as there. The seat is asked for last: a license
  /// that is refused for another reason gives none. Asking is a sign of life, so it counts as a heartbeat. Where
  /// machines are not leases, the seat is kept until it is released.
  ///
  /// - Throws: ``Fault`` `UNAUTHORIZED` when no license has the key; `CONFLICT` when the machine is active on another
  ///   license and one of the policies forbids that.
  public func acquireLicense(_ request: AcquireLicenseRequest, _ call: Call) async throws(Fault)
    -> AcquireLicenseResponse
  {
    let facts = try await holder(call, fingerprint: request.fingerprint)
    let seat = SeatRequest(request, call)
    return try await admittingMachine { () async throws(Fault) in
      try await changes.makeOrRefuse(
        call,
        for: facts.tenant,
        by: Origin(call, holderOf: facts.id)
      ) { (change) async throws(Fault) in
        guard
          var seats = try await machines.lockSeats(
            of: facts.id,
            for: request.fingerprint,
            toTake: true,
            change
          )
        else { throw .noLicenseHasKey }
        return try await acquire(seat, request.entitlements, &seats, change)
      }
    }
  }

  private func acquire(
    _ request: SeatRequest,
    _ entitlements: [String],
    _ seats: inout LockedSeats,
    _ change: Change
  ) async throws(Fault) -> Changes.Outcome<AcquireLicenseResponse> {
    let facts = try LicenseFacts(seats, change.tenant)
    let question = Judgement.Question(
      fingerprint: request.fingerprint,
      entitlements: entitlements,
      takesSeat: true
    )
    let judgement = Judgement(of: facts, question, at: change.now)
    var verdict = judgement.verdict
    var uses = usesCount(facts)
    var machine = seats.machine
    if verdict.isValid {
      switch try await takeSeat(request, &seats, change) {
      case .held(let seated), .taken(let seated):
        machine = seated
        uses += 1
        try use(&seats, change)
      case .refused(let fault) where fault.reason == .conflict: return .refused(fault)
      case .refused: verdict = Verdict(isValid: false, code: .machineLimitExceeded)
      }
      if !seats.license.events.isEmpty { try licenses.save(seats.license, change) }
    }
    tally.count(verdict, for: change.tenant, at: change.now)
    tell(ValidateKeyResponse(judgement, verdict, usesCount: uses), of: facts, at: change.now)
    return .done(
      AcquireLicenseResponse(
        valid: verdict.isValid,
        code: verdict.code,
        license: ValidatedLicense(judgement, usesCount: uses),
        machine: machine,
        entitlements: facts.entitlements,
        leaseExpiresAt: verdict.isValid ? machine?.heartbeatDueAt : nil
      )
    )
  }
}

extension SeatRequest {
  @EventLoop fileprivate init(_ request: AcquireLicenseRequest, _ call: Call) {
    self.init(
      fingerprint: request.fingerprint,
      name: request.name,
      platform: request.platform,
      hostname: request.hostname,
      cores: request.cores,
      metadata: request.metadata,
      address: call.caller?.clientAddress,
      isHeartbeat: true
    )
  }
}
