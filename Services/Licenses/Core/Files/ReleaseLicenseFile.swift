internal import Changes
internal import Cryptography
internal import EventLoop
public import Faults
internal import LatchkeyOffline
public import Messages
internal import Primitives
public import RPC
internal import ServiceKit

extension Licenses {
  /// Takes the deactivation receipt of a machine without a network, in every state of the license: its seat is free
  /// again, and its file is revoked.
  ///
  /// Each file is given up once, so the same receipt again, also in a year, changes nothing.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when the text is no such receipt, or was not made with the license's key;
  ///   `notFound` when the caller has no such license.
  public func releaseLicenseFile(
    _ request: ReleaseLicenseFileRequest,
    _ call: Call
  ) async throws(Fault) -> ReleasedLicenseFile {
    let requester = try await requester(call)
    let receipt = try DeactivationReceipt(checked: request.receipt)
    let license = receipt.licenseID
    let tenant = Tenant(accountID: receipt.accountID, environment: receipt.environment)
    guard tenant == requester.tenant, requester.license ?? license == license else {
      throw .notFound("License not found: \(license)")
    }
    return try await changes.make(call, for: tenant, by: requester.origin(call)) {
      (change) async throws(Fault) in
      guard
        let seats = try await machines.lockSeats(
          of: license,
          for: receipt.fingerprint,
          toTake: false,
          change
        )
      else { throw .notFound("License not found: \(license)") }
      do throws(Fault) {
        _ = try await fileSecret(of: license, provedBy: receipt.checkProof, change, call)
      } catch {
        guard error.code == .invalidArgument, let issue = error.issues.first else { throw error }
        throw .invalidDocument(issue.message, field: "receipt")
      }
      var answer = ReleasedLicenseFile(licenseId: license.description, serial: receipt.serial)
      guard try await licenses.release(receipt.serial, of: license, change) else { return answer }
      var locked = seats.license
      if let machine = seats.machine {
        var leaving = LockedMachine(
          id: try UUID(checked: machine.id),
          license: locked,
          machine: machine
        )
        try deactivate(&leaving, change)
        locked = leaving.license
        licenses.give(.deactivated(SHA256.hash(receipt.fingerprint)), of: locked, change)
        answer.machineId = machine.id
      }
      licenses.give(.released(receipt.serial), of: locked, change)
      return answer
    }
  }
}

extension DeactivationReceipt {
  /// Reads the text of a receipt.
  fileprivate init(checked text: String) throws(Fault) {
    do throws(Refusal) {
      try self.init(parsing: Array(text.utf8))
    } catch {
      throw .invalidDocument("No deactivation receipt: \(error.message)", field: "receipt")
    }
  }
}
