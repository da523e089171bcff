internal import Changes
internal import Cryptography
internal import EventLoop
internal import Faults
internal import Sealing
internal import ServiceKit
internal import Stubs
internal import WebhooksSending

/// The process of the webhooks service: which parts it is made of.
public enum WebhooksMain {
  /// Runs it until it is told to stop, or does what its arguments say.
  public static func run() -> Never {
    EventLoop.setWorkerCount(Destinations.workersNeeded)
    let schemas = [
      ServiceMain.Schema(name: Changes.schemaName, migrations: Changes.migrations),
      ServiceMain.Schema(name: "webhooks", migrations: Webhooks.migrations),
    ]
    ServiceMain.run("webhooks", settings: WebhooksSettings.self, schemas: schemas) {
      (service, settings) throws(Fault) in
      // Twice what deliveries can have open: for the database, for callers, and for what is being closed.
      service.allowOpenFiles(2 * SendingLimits().openFilesMax)
      let masterKeys = try MasterKeys.load(path: settings.masterKeysFile)
      let database = try service.addDatabase(settings.database)
      let webhooks = Webhooks(
        database: database,
        masterKeys: masterKeys,
        sender: HTTPSender(destinations: Destinations(policy: settings.addresses)),
        limits: settings.limits
      )
      let sealing = service.addSealing(
        webhooks.dataKeys,
        tables: Webhooks.sealedTables,
        masterKeysFile: settings.masterKeysFile
      )
      service.addPeriodicTask("housekeeping", every: Webhooks.houseInterval) {
        () async throws(Fault) in try await webhooks.keepHouse()
      }
      service.addPeriodicTask("queue depths", every: Webhooks.queuesInterval) {
        () async throws(Fault) in try await webhooks.lookAtQueues()
      }
      service.monitoring.addMetrics { webhooks.collect(into: &$0) }
      service.add("deliveries") {
        webhooks.start()
      } stop: {
        await webhooks.stop()
      }
      let server = try service.addRPCServer(settings.rpc, trusting: ["gateway"])
      sealing.register(on: server)
      webhooks.register(on: server)
    }
  }
}
