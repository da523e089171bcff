internal import Cryptography
public import EventLoop
public import Faults
public import Logging
public import Messages
public import RPC
public import Stubs

/// Looks after what a service keeps encrypted: checks its master keys, takes new ones, and seals everything anew.
///
/// Every service with sealed columns has one (see `Service.addSealing`) and serves it to the operator.
@EventLoop
public final class SealingKeeper: SealingService {
  /// How often the file of master keys is looked at, for replicas that nobody tells.
  public static let pollInterval = Duration.seconds(10)
  /// How often a check at the start is tried while the database is away.
  private static let startPause = Duration.milliseconds(200)
  /// How often a rotation tells how far it is.
  private static let reportInterval = Duration.milliseconds(250)

  private let dataKeys: DataKeyStore
  private let tables: [SealedTable]
  private let file: String
  private let log: Logger

  /// Makes a keeper.
  ///
  /// - Parameters:
  ///   - dataKeys: The data keys of the service.
  ///   - tables: All tables with sealed columns that the service writes.
  ///   - file: The path of the file with the master keys.
  ///   - log: Where rotations and damaged rows are told.
  public init(_ dataKeys: DataKeyStore, tables: [SealedTable], file: String, log: Logger) {
    self.dataKeys = dataKeys
    self.tables = tables
    self.file = file
    self.log = log
    dataKeys.reload = { [weak self] () async throws(Fault) in try await self?.reload() }
  }

  /// Reads the file, and checks that it can open all that the database has.
  ///
  /// Waits for the database: a service that has not made this check must not serve, as it might seal by keys that
  /// nobody has.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when the file cannot be used, lacks a version, or has another key under
  ///   its number; `cancelled`.
  public func start() async throws(Fault) {
    var isWaiting = false
    while true {
      do throws(Fault) {
        let masterKeys = try await load()
        try await check(masterKeys)
        dataKeys.sealer.take(masterKeys)
        return
      } catch {
        guard error.code == .unavailable else { throw error }
        if !isWaiting {
          log.warning("waiting for the database, to check the master keys", error: error)
        }
        isWaiting = true
      }
      await EventLoop.sleep(for: Self.startPause)
      guard !Task.isCancelled else { throw Fault(.cancelled, "The start was cancelled") }
    }
  }

  /// Takes the master keys from the file as it is now.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when it cannot be used or does not fit the database; the keys that are in
  ///   use stay.
  public func reload() async throws(Fault) {
    let masterKeys = try await load()
    guard !dataKeys.sealer.holds(masterKeys) else { return }
    try await check(masterKeys)
    dataKeys.sealer.take(masterKeys)
    log.info(
      "loaded changed master keys",
      metadata: ["active": "\(masterKeys.activeVersion)", "versions": "\(masterKeys.versions)"]
    )
  }

  private func check(_ masterKeys: MasterKeys) async throws(Fault) {
    let check = MasterKeyCheck(database: dataKeys.database, schema: dataKeys.schema, file: file)
    try await check.require(masterKeys)
  }

  /// Reads the file, off the loop.
  private func load() async throws(Fault) -> MasterKeys {
    let file = file
    let loaded = await EventLoop.background { () -> Result<MasterKeys, Fault> in
      do throws(Fault) { return .success(try MasterKeys.load(path: file)) } catch {
        return .failure(error)
      }
    }
    return try loaded.get()
  }

  // MARK: What the operator calls

  /// Says which master keys the service holds, and how much each of them protects.
  public func getSealingStatus(
    _ request: GetSealingStatusRequest,
    _ call: Call
  ) async throws(Fault) -> SealingStatus {
    SealingStatus(
      activeVersion: Int64(dataKeys.sealer.activeVersion),
      versions: dataKeys.sealer.versions.map(Int64.init),
      uses: try await counts.uses()
    )
  }

  /// Takes the master keys from the file as it is now.
  public func reloadMasterKeys(
    _ request: ReloadMasterKeysRequest,
    _ call: Call
  ) async throws(Fault) -> ReloadMasterKeysResponse {
    try await reload()
    return ReloadMasterKeysResponse(
      activeVersion: Int64(dataKeys.sealer.activeVersion),
      versions: dataKeys.sealer.versions.map(Int64.init)
    )
  }

  /// Brings everything under the active master key.
  public func rotateSealing(
    _ request: RotateSealingRequest,
    _ responses: ResponseWriter<RotateSealingResponse>,
    _ call: Call
  ) async throws(Fault) {
    let active = Int64(dataKeys.sealer.activeVersion)
    guard request.version == active else {
      throw Fault(
        .failedPrecondition,
        "The active master key is version \(active), not \(request.version); have it load the file"
      )
    }
    let older = try await counts.uses().filter { $0.version != active }
    // A row with two sealed columns is one row: the larger of a table's counts.
    let total = Dictionary(older.map { ($0.table, $0.count) }, uniquingKeysWith: max)
      .values.reduce(0, +)
    var done: Int64 = 0
    try await responses.write(RotateSealingResponse(done: done, total: total))
    var told = Instant.now
    let rotation = Rotation(dataKeys: dataKeys, tables: tables, log: log)
    try await rotation.run { (count) async throws(Fault) in
      done += Int64(count)
      guard Instant.now - told >= Self.reportInterval else { return }
      told = Instant.now
      try await responses.write(RotateSealingResponse(done: done, total: total))
    }
    try await responses.write(RotateSealingResponse(done: done, total: total))
  }

  private var counts: SealingCounts {
    SealingCounts(database: dataKeys.database, schema: dataKeys.schema, tables: tables)
  }
}

extension SealingUse {
  /// The table of the place.
  fileprivate var table: String { String(place[..<(place.lastIndex(of: ".") ?? place.endIndex)]) }
}
