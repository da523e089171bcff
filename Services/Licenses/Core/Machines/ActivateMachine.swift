internal import Changes
internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Activates a machine, or answers with the one that has the fingerprint already (200, where a new one is 201).
  ///
  /// - Throws: ``Fault`` `LICENSE_SUSPENDED` and the like when the license is in no state to be used;
  ///   `MACHINE_LIMIT_EXCEEDED` or `FLOATING_LIMIT_EXCEEDED` when no seat is free; `BUSINESS_RULE_VIOLATION` when the
  ///   license has had as many different machines as it may; `CONFLICT` when the machine is active on another license
  ///   and one of the policies forbids that; `REFERENCE_NOT_FOUND` when the tenant has no such license.
  public func activateMachine(_ request: ActivateMachineRequest, _ call: Call)
    async throws(Fault) -> Machine
  {
    let requester = try await requester(call)
    let license = try Self.license(of: requester, request.licenseId)
    let seat = SeatRequest(request, call)
    return try await admittingMachine { () async throws(Fault) in
      try await changes.makeOrRefuse(
        call,
        for: requester.tenant,
        by: requester.origin(call)
      ) { (change) async throws(Fault) in
        guard
          var seats = try await machines.lockSeats(
            of: license,
            for: request.fingerprint,
            toTake: true,
            change
          )
        else { throw .referenceNotFound("License not found: \(license)") }
        try seats.license.current(at: change.now).status.requireUsable(
          keepsAccess: seats.license.policy.expirationStrategy == .allowAccess
        )
        switch try await takeSeat(seat, &seats, change) {
        case .held(let machine):
          call.succeed(withStatus: 200)
          return .done(machine)
        case .taken(let machine):
          try licenses.save(seats.license, change)
          return .done(machine)
        case .refused(let fault):
          try licenses.save(seats.license, change)
          return .refused(fault)
        }
      }
    }
  }

  /// The license that a machine is to be activated on: that of the key, or the one that a vendor names.
  private static func license(
    of requester: Requester,
    _ named: String?
  ) throws(Fault) -> UUID {
    let id = try named.map { (text) throws(Fault) in try UUID(checked: text) }
    switch requester {
    case .holder(let license):
      guard id == nil || id == license.id else {
        throw .invalid([
          .init(
            path: ["licenseId"],
            message: "Leave it out: it is the license of the key, and this is another one",
            code: "invalid_value"
          )
        ])
      }
      return license.id
    case .vendor:
      guard let id else {
        throw .invalid([
          .init(
            path: ["licenseId"],
            message: "Required when the call is made with an API key",
            code: "invalid_type"
          )
        ])
      }
      return id
    }
  }
}

extension SeatRequest {
  @EventLoop fileprivate init(_ request: ActivateMachineRequest, _ call: Call) {
    self.init(
      fingerprint: request.fingerprint,
      name: request.name,
      platform: request.platform,
      hostname: request.hostname,
      cores: request.cores,
      metadata: request.metadata,
      address: call.caller?.clientAddress,
      isHeartbeat: false
    )
  }
}
