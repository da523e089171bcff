internal import EventLoop
internal import Faults
public import ServiceKit

extension Service {
  /// Adds what a service with sealed columns needs: the check of its master keys before it serves, and their renewal
  /// when the file changes.
  ///
  /// Add it after the database and before everything that seals; register what it returns on the RPC server.
  ///
  /// - Parameters:
  ///   - dataKeys: The data keys of the service.
  ///   - tables: All tables with sealed columns that the service writes.
  ///   - file: The path of the file with the master keys.
  /// - Returns: The RPC service `Sealing`.
  public func addSealing(
    _ dataKeys: DataKeyStore,
    tables: [SealedTable],
    masterKeysFile file: String
  ) -> SealingKeeper {
    let keeper = SealingKeeper(dataKeys, tables: tables, file: file, log: log)
    add("master keys", start: keeper.start, stop: {})
    addPeriodicTask("master keys", every: SealingKeeper.pollInterval, keeper.reload)
    return keeper
  }
}
