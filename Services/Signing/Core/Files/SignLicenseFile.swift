public import Faults
public import Messages
internal import Postgres
internal import Primitives
public import RPC

extension Signing {
  /// Numbers, records and signs one license file, together with all that are asked for at the same time.
  ///
  /// - Throws: ``Fault`` `LICENSE_EXPIRED` when it would end at once; `unavailable` of the database, after which a file
  ///   may be recorded that nobody has.
  public func signLicenseFile(
    _ request: SignLicenseFileRequest,
    _ call: Call
  ) async throws(Fault) -> SignedLicenseFile {
    let job = try FileJob(request)
    if let last = request.endsAt, last <= now().milliseconds {
      throw Fault(.failedPrecondition, "The license is expired", reason: .licenseExpired)
    }
    guard let outcome = try await fileJobs.load(job) else {
      throw .internalError("A license file that was recorded was not made")
    }
    return try outcome.get()
  }
}
