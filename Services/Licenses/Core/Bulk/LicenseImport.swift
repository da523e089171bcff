internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import Messages
internal import Postgres
internal import Primitives
internal import Sealing

/// One import under way: rows are gathered to batches, and each batch is checked and written by a few statements.
///
/// Once a row is bad nothing will be kept, so licenses are not written any more; the rest is only checked.
@EventLoop
final class LicenseImport {
  /// How many rows one batch has.
  static let batchRowsMax = 500
  /// The size of a batch's cells that is enough, however few its rows are.
  private static let batchBytesMax = 1_048_576

  /// What holds for rows that do not say.
  struct Defaults {
    var product: UUID?
    var policy: UUID?
  }

  private(set) var report = ImportReport()
  let store: LicenseStore
  let change: Change
  private let defaults: Defaults
  private let dataKeys: DataKeyStore
  /// What a batch's secrets are sealed by: asked for anew for each, since a large file may outlast a key.
  private var dataKey: DataKey
  private var reader = CSVReader()
  private var columns: ImportColumns?
  private var batch: [(line: Int, row: LicenseRow)] = []
  private var batchRows = 0
  private var batchBytes = 0
  private let catalogue = ImportCatalogue()
  /// How many licenses of each product were written.
  private var counts: [UUID: Int64] = [:]
  private var activeCount = 0
  private var firstID: UUID?

  /// Begins an import in a change.
  init(
    _ defaults: Defaults,
    store: LicenseStore,
    _ dataKeys: DataKeyStore,
    newest dataKey: DataKey,
    _ change: Change
  ) {
    self.defaults = defaults
    self.store = store
    self.dataKeys = dataKeys
    self.dataKey = dataKey
    self.change = change
  }

  /// Reads the whole file.
  ///
  /// - Throws: ``Fault`` `invalidArgument` when it is no CSV or its first row is wrong; what reading it throws; faults
  ///   of the database.
  func read(_ source: inout ImportSource) async throws(Fault) {
    while let part = try await source.part() {
      reader.append(part)
      while let row = try text({ (reader) throws(CSVProblem) in try reader.next() }) {
        try await take(row, &source)
      }
    }
    if let last = try text({ (reader) throws(CSVProblem) in try reader.finish() }) {
      try await take(last, &source)
    }
    guard columns != nil else {
      throw .invalid([
        Fault.Issue(
          path: [],
          message: "The file is empty; its first row names the columns",
          code: "invalid_csv"
        )
      ])
    }
    try await writeBatch()
  }

  private func text(
    _ body: (inout CSVReader) throws(CSVProblem) -> CSVRow?
  ) throws(Fault) -> CSVRow? {
    do throws(CSVProblem) {
      return try body(&reader)
    } catch {
      throw .invalid([
        Fault.Issue(path: [], message: "Line \(error.line): \(error.message)", code: "invalid_csv")
      ])
    }
  }

  private func take(_ row: CSVRow, _ source: inout ImportSource) async throws(Fault) {
    guard let columns else {
      self.columns = try ImportColumns(header: row)
      return
    }
    report.rows += 1
    batchRows += 1
    batchBytes += row.cells.reduce(0) { $0 + $1.count }
    do throws(Fault) {
      batch.append((row.line, try columns.read(row)))
    } catch {
      guard error.code == .invalidArgument else { throw error }
      report.refuse(line: row.line, error.issues)
    }
    guard batchRows == Self.batchRowsMax || batchBytes >= Self.batchBytesMax else { return }
    try await writeBatch()
    source.restart()
  }

  // MARK: A batch

  private func writeBatch() async throws(Fault) {
    let rows = batch
    batch.removeAll(keepingCapacity: true)
    batchRows = 0
    batchBytes = 0
    try await catalogue.load(rows.map(\.row), defaults, store, change)
    dataKey = try await dataKeys.newest(of: change.tenant)
    let candidates = candidates(of: rows)
    // Also when there is none: a transaction that does nothing for long is ended.
    let claimed = try await store.claim(
      candidates.map(\.new.secrets.keyHash),
      for: candidates.map(\.new.id),
      change
    )
    try await refuse(candidates.filter { !claimed.contains($0.new.secrets.keyHash) })
    report.settle()
    guard report.badRows == 0, !candidates.isEmpty else { return }
    for candidate in candidates {
      let license = candidate.new.license
      try change.record("license.create", candidate.new.id, before: nil, after: license)
      counts[candidate.new.product, default: 0] += 1
      if license.status == .active { activeCount += 1 }
    }
    firstID = firstID ?? candidates.first?.new.id
    try await store.insert(candidates.map(\.new), change)
    change.sendRecords()
  }

  private typealias Candidate = (line: Int, new: NewLicense)

  /// The licenses that the rows describe; rows that are wrong, or whose key came before in the batch, are refused.
  private func candidates(of rows: [(line: Int, row: LicenseRow)]) -> [Candidate] {
    var candidates: [Candidate] = []
    var lines: [[UInt8]: Int] = [:]
    for (line, row) in rows {
      do throws(Fault) {
        let new = try license(row)
        if let earlier = lines[new.secrets.keyHash] {
          report.refuse(line: line, [new.duplicate("The key is in line \(earlier) already")])
          continue
        }
        lines[new.secrets.keyHash] = line
        candidates.append((line, new))
      } catch {
        report.refuse(line: line, error.rowIssues)
      }
    }
    return candidates
  }

  private func license(_ row: LicenseRow) throws(Fault) -> NewLicense {
    let id = UUID.v7(at: change.now)
    let product = try catalogue.product(of: row, defaults)
    let policy = try catalogue.policy(of: row, defaults)
    let license = try License(
      importing: row,
      product: product,
      policy: policy.policy,
      hasExpiry: columns?.hasExpiry ?? false,
      id: id,
      at: change.now
    )
    let secrets: LicenseSecrets
    if let key = row.key {
      secrets = LicenseSecrets(
        ofKey: key,
        isStored: catalogue.storesKeys(ofProduct: product),
        license: id,
        sealedBy: dataKey
      )
    } else {
      // The contract has checked that it is hexadecimal.
      secrets = LicenseSecrets(keyHash: row.keyHash.flatMap { Hex.decode($0) } ?? [])
    }
    return NewLicense(
      id: id,
      license: license,
      product: product,
      policy: policy.id,
      entitlements: [],
      secrets: secrets
    )
  }

  /// Refuses rows whose keys were there; whose they are is not said.
  private func refuse(_ taken: [Candidate]) async throws(Fault) {
    if taken.isEmpty { return }
    let own = try await store.claimedHere(taken.map(\.new.secrets.keyHash), change)
    for (line, new) in taken {
      let isOwn = own.contains(new.secrets.keyHash)
      let message =
        isOwn ? "The key is in an earlier line already" : "A license with this key exists already"
      report.refuse(line: line, [new.duplicate(message)])
    }
  }

  // MARK: The end

  /// Writes what others might wait for, when all rows are there: the customers, the products' counts.
  ///
  /// - Throws: ``Fault`` `REFERENCE_NOT_FOUND` when a product or policy has been deleted meanwhile;
  ///   `PLAN_LIMIT_EXCEEDED`.
  func finish(customers: CustomerStore, limits: PlanLimits) async throws(Fault) {
    guard let firstID else { return }
    try await catalogue.hold(store, change)
    var after: UUID?
    while true {
      let (holders, last) = try await store.holders(from: firstID, after: after, change)
      customers.remember(holders, change)
      guard let last else { break }
      after = last
    }
    store.count(counts, change)
    try await store.keep(limits, adding: activeCount, change)
  }
}

extension NewLicense {
  /// What is wrong with a row whose key is taken.
  fileprivate func duplicate(_ message: String) -> Fault.Issue {
    Fault.Issue(
      path: [secrets.sealedFileSecret == nil ? "keyHash" : "key"],
      message: message,
      code: "duplicate"
    )
  }
}

extension Fault {
  /// What is wrong with a row that cannot become a license.
  fileprivate var rowIssues: [Fault.Issue] {
    guard issues.isEmpty else { return issues }
    return [
      Fault.Issue(path: [], message: message, code: (reason ?? .constraintViolation).rawValue)
    ]
  }
}
