internal import Changes
internal import Cryptography
internal import Faults
internal import Sealing
internal import ServiceKit
internal import Stubs

/// The process of the licenses service: which parts it is made of.
public enum LicensesMain {
  /// Runs it until it is told to stop, or does what its arguments say.
  public static func run() -> Never {
    let schemas = [
      ServiceMain.Schema(name: Changes.schemaName, migrations: Changes.migrations),
      ServiceMain.Schema(name: "licenses", migrations: Licenses.migrations),
    ]
    ServiceMain.run("licenses", settings: LicensesSettings.self, schemas: schemas) {
      (service, settings) throws(Fault) in
      let masterKeys = try MasterKeys.load(path: settings.masterKeysFile)
      let database = try service.addDatabase(settings.database)
      let licenses = Licenses(
        database: database,
        masterKeys: masterKeys,
        signing: try service.addChannel(
          to: settings.signing,
          identity: "signing",
          as: settings.rpc,
          healthOf: SigningMethods.serviceName
        ),
        limits: settings.limits,
        leakedKeys: settings.leakedKeys
      )
      let sealing = service.addSealing(
        licenses.dataKeys,
        tables: Licenses.sealedTables,
        masterKeysFile: settings.masterKeysFile
      )
      let keeper = ChangeKeeper(database: database)
      service.addPeriodicTask("audit sealer", every: ChangeKeeper.interval) {
        () async throws(Fault) in try await keeper.seal()
      }
      service.addPeriodicTask("answer keeper", every: .seconds(60)) {
        () async throws(Fault) in try await keeper.forget()
      }
      service.addPeriodicTask("expiry sweeper", every: ExpirySweeper.interval) {
        () async throws(Fault) in try await licenses.expirySweeper.sweep()
      }
      service.addPeriodicTask("machine sweeper", every: Licenses.sweepInterval) {
        () async throws(Fault) in try await licenses.buryDeadMachines()
      }
      service.addPeriodicTask("file notices", every: Licenses.noticesInterval) {
        () async throws(Fault) in try await licenses.giveFileNotices()
      }
      service.addPeriodicTask("validation tally", every: .seconds(1), hasLastRound: true) {
        () async throws(Fault) in try await licenses.flushTally()
      }
      service.add("subscriptions") {
        licenses.startTelling()
      } stop: {
      }
      service.addPeriodicTask("subscriptions", every: Licenses.subscriptionsInterval) {
        () async throws(Fault) in try await licenses.refreshSubscriptions()
      }
      let events = service.addPeriodicTask(
        "validation events",
        every: Licenses.eventsInterval,
        hasLastRound: true,
        isOnDemand: true
      ) {
        () async throws(Fault) in try await licenses.flushEvents()
      }
      licenses.onEventsGathered = { [unowned events] in events.ask() }
      let server = try service.addRPCServer(settings.rpc, trusting: ["gateway"])
      sealing.register(on: server)
      licenses.register(on: server)
    }
  }
}
