internal import Changes
internal import EventLoop
public import Faults
public import Messages
internal import Primitives
public import RPC
internal import Sealing
internal import ServiceKit

extension Licenses {
  /// How many imports one process works on at a time: each holds one of the few connections for transactions
  /// for as long as its file takes to come.
  static let importsMax = 2

  /// Imports licenses with the keys that they have elsewhere, from CSV; all rows or none.
  ///
  /// All is one transaction, written in batches while the file comes, so the memory that it takes does not depend on
  /// the size of the file.
  ///
  /// - Returns: How many rows there were and what is wrong with which; when any row is bad, or in a dry run,
  ///   nothing is kept.
  /// - Throws: ``Fault`` `invalidArgument` when the file is no CSV or has unknown columns; `unavailable` when it
  ///   comes too slowly, or other imports are under way; `PLAN_LIMIT_EXCEEDED`.
  public func importLicenses(_ requests: RequestReader<ImportLicensesRequest>, _ call: Call)
    async throws(Fault) -> ImportLicensesResponse
  {
    let tenant = try call.requireTenant()
    guard importCount < Self.importsMax else {
      throw .unavailable("Other imports are under way; try again when they are done")
    }
    importCount += 1
    defer { importCount -= 1 }
    var source = ImportSource(requests)
    let settings = try await source.settings()
    // An account's first data key is committed before the change that seals with it.
    let dataKey = try await dataKeys.newest(of: tenant)
    var undone: ImportLicensesResponse?
    do throws(Fault) {
      return try await changes.make(call, for: tenant) { (change) async throws(Fault) in
        let licenses = LicenseImport(
          LicenseImport.Defaults(
            product: try settings.productId.map { (id) throws(Fault) in try UUID(checked: id) },
            policy: try settings.policyId.map { (id) throws(Fault) in try UUID(checked: id) }
          ),
          store: self.licenses,
          self.dataKeys,
          newest: dataKey,
          change
        )
        try await licenses.read(&source)
        let response = licenses.report.response(isDryRun: settings.dryRun ?? false)
        if licenses.report.badRows == 0 {
          try await licenses.finish(customers: self.customers, limits: self.limits)
        }
        guard response.badRows == 0, !response.dryRun else {
          undone = response
          throw Fault(.aborted, "The import is undone")
        }
        return response
      }
    } catch {
      if let undone { return undone }
      throw error
    }
  }
}

/// The file as it comes.
@EventLoop
struct ImportSource {
  /// How long the next batch of rows may take to come.
  ///
  /// The database ends a transaction that is idle for ten seconds, and would not say why.
  static let patience = Duration.seconds(8)

  private let requests: RequestReader<ImportLicensesRequest>
  private var firstPart: [UInt8]?
  private var deadline: Instant

  init(_ requests: RequestReader<ImportLicensesRequest>) {
    self.requests = requests
    deadline = Instant.now + Self.patience
  }

  /// The first message, which has the settings; its data is the first part.
  mutating func settings() async throws(Fault) -> ImportLicensesRequest {
    let first = try await next() ?? ImportLicensesRequest()
    firstPart = first.data ?? []
    return first
  }

  /// The next part of the file; nil after the last one.
  mutating func part() async throws(Fault) -> [UInt8]? {
    if let first = firstPart {
      firstPart = nil
      return first
    }
    return try await next().map { $0.data ?? [] }
  }

  /// The database was asked something: from now on the time for the next batch counts.
  mutating func restart() { deadline = Instant.now + Self.patience }

  private func next() async throws(Fault) -> ImportLicensesRequest? {
    let request: ImportLicensesRequest?
    do throws(Fault) {
      request = try await requests.next(by: deadline)
    } catch {
      guard error.code == .deadlineExceeded else { throw error }
      throw .unavailable(
        """
        The file comes too slowly: the next \(LicenseImport.batchRowsMax) rows, or its end, must come within \
        \(Self.patience.components.seconds) seconds. Nothing was imported
        """
      )
    }
    // A caller that has gone has not sent all of its file, though nothing more comes of it.
    guard !Task.isCancelled else { throw Fault(.cancelled, "The caller has gone") }
    return request
  }
}
