internal import Changes
internal import Cryptography
internal import Faults
internal import Sealing
internal import ServiceKit
internal import Stubs

/// The process of the keys service: which parts it is made of.
public enum KeysMain {
  /// Runs it until it is told to stop, or does what its arguments say.
  public static func run() -> Never {
    let schemas = [
      ServiceMain.Schema(name: Changes.schemaName, migrations: Changes.migrations),
      ServiceMain.Schema(name: "keys", migrations: Keys.migrations),
    ]
    ServiceMain.run("keys", settings: KeysSettings.self, schemas: schemas) {
      (service, settings) throws(Fault) in
      let masterKeys = try MasterKeys.load(path: settings.masterKeysFile)
      let database = try service.addDatabase(settings.database)
      let keys = Keys(
        database: database,
        masterKeys: masterKeys,
        signing: try service.addChannel(
          to: settings.signing,
          identity: "signing",
          as: settings.rpc,
          healthOf: SigningMethods.serviceName
        ),
        leakedKeys: settings.leakedKeys,
        leakOverlap: settings.leakOverlap
      )
      let sealing = service.addSealing(
        keys.dataKeys,
        tables: Keys.sealedTables,
        masterKeysFile: settings.masterKeysFile
      )
      let users = Users(
        database: database,
        dataKeys: keys.dataKeys,
        dashboard: settings.dashboard
      )
      service.addPeriodicTask("key uses", every: Keys.usesInterval, hasLastRound: true) {
        () async throws(Fault) in try await keys.flushUses()
      }
      service.addPeriodicTask("expiry warnings", every: Keys.warningsInterval) {
        () async throws(Fault) in try await keys.warnOfExpiry()
      }
      service.addPeriodicTask("session uses", every: Users.usesInterval, hasLastRound: true) {
        () async throws(Fault) in try await users.flushUses()
      }
      service.addPeriodicTask("ended logins", every: Users.sweepInterval) {
        () async throws(Fault) in try await users.sweep()
      }
      let server = try service.addRPCServer(settings.rpc, trusting: ["gateway"])
      sealing.register(on: server)
      keys.register(on: server)
      users.register(on: server)
    }
  }
}
