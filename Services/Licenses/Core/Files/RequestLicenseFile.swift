internal import Changes
internal import Cryptography
internal import EventLoop
public import Faults
internal import LatchkeyOffline
public import Messages
internal import Postgres
internal import Primitives
public import RPC
internal import Sealing
internal import ServiceKit

extension Licenses {
  /// Answers the request of a machine without a network: activates the machine, unless it is, and makes its file.
  ///
  /// Machine and file are one: where no file can be made, no seat is taken. The same request again finds the machine
  /// active and makes another file for it.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when the text is no such request, or was not made with the license's key;
  ///   `notFound` when the caller has no license with the key; what activations and check-outs throw.
  public func requestLicenseFile(
    _ request: RequestLicenseFileRequest,
    _ call: Call
  ) async throws(Fault) -> CheckedOutLicense {
    let requester = try await requester(call)
    let asked = try LicenseRequest(checked: request.request)
    let found = try await licenses.license(requester.tenant, keyHashes: asked.licenseKeyHashes)
    guard let license = found, requester.license ?? license == license else {
      throw .notFound("No license has the key of this request")
    }
    let seat = SeatRequest(asked, call)
    return try await admittingMachine { () async throws(Fault) in
      try await changes.makeOrRefuse(
        call,
        for: requester.tenant,
        by: requester.origin(call)
      ) { (change) async throws(Fault) in
        guard
          var seats = try await machines.lockSeats(
            of: license,
            for: asked.fingerprint,
            toTake: true,
            change
          )
        else { throw .notFound("No license has the key of this request") }
        let current = seats.license.current(at: change.now)
        let terms = try CheckOut(of: current, on: seats.license.policy, wished: asked.ttlSeconds)
        var secret = try await fileSecret(of: license, provedBy: asked.checkProof, change, call)
        defer { wipe(&secret) }
        switch try await takeSeat(seat, &seats, change) {
        case .refused(let fault):
          try licenses.save(seats.license, change)
          return .refused(fault)
        case .held(let machine), .taken(let machine):
          if !seats.license.events.isEmpty { try licenses.save(seats.license, change) }
          return .done(
            try await files.make(
              terms,
              of: seats.license.current(at: change.now),
              on: seats.license.policy,
              for: machine,
              fingerprint: asked.fingerprint,
              sealedBy: secret,
              requester,
              call
            )
          )
        }
      }
    }
  }

  /// The file secret of a locked license, if a document was made with the license's key.
  func fileSecret(
    of license: UUID,
    provedBy check: (FileSecret) throws(Refusal) -> Void,
    _ change: Change,
    _ call: Call
  ) async throws(Fault) -> [UInt8] {
    let sealed = try await licenses.sealedFileSecret(of: license, change)
    var dataKey: DataKey?
    if let version = sealed.flatMap({ DataKey.version(ofSealed: $0) }) {
      dataKey = try await dataKeys.key(of: change.tenant, version: version)
    }
    let secret = try fileSecret(of: license, sealed: sealed, openedBy: dataKey, call)
    do throws(Refusal) {
      // A copy of its own, which it wipes.
      try check(FileSecret(secret.map(\.self)))
    } catch {
      throw .invalidDocument("Not made with the key of the license: \(error.message)")
    }
    return secret
  }
}

extension LicenseRequest {
  /// Reads the text of a request.
  fileprivate init(checked text: String) throws(Fault) {
    do throws(Refusal) {
      try self.init(parsing: Array(text.utf8))
    } catch {
      throw .invalidDocument("No request for a license file: \(error.message)", field: "request")
    }
    if let ttlSeconds, !CheckOut.seconds.contains(ttlSeconds) {
      throw .invalidDocument(
        "Asks for \(ttlSeconds) seconds; a file is good for 3600 to 7776000",
        field: "request"
      )
    }
  }
}

extension SeatRequest {
  @EventLoop fileprivate init(_ request: LicenseRequest, _ call: Call) {
    self.init(
      fingerprint: request.fingerprint,
      name: request.machineName.map { String($0.prefix(255)) },
      platform: nil,
      hostname: nil,
      cores: nil,
      metadata: nil,
      // The machine itself has no network: the address would be somebody else's.
      address: nil,
      isHeartbeat: false
    )
  }
}

extension Fault {
  /// A document that was carried here is not what it should be.
  static func invalidDocument(_ message: String, field: String = "request") -> Fault {
    .invalid([.init(path: [field], message: message, code: "invalid_string")])
  }
}
