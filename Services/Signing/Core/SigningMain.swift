internal import Changes
internal import Cryptography
internal import Faults
internal import Sealing
internal import ServiceKit
internal import Stubs

/// The process of the signing service: which parts it is made of.
public enum SigningMain {
  /// Runs it until it is told to stop, or does what its arguments say.
  public static func run() -> Never {
    let schemas = [
      ServiceMain.Schema(name: Changes.schemaName, migrations: Changes.migrations),
      ServiceMain.Schema(name: "signing", migrations: Signing.migrations),
    ]
    ServiceMain.run("signing", settings: SigningSettings.self, schemas: schemas) {
      (service, settings) throws(Fault) in
      let masterKeys = try MasterKeys.load(path: settings.masterKeysFile)
      let database = try service.addDatabase(settings.database)
      let signing = Signing(database: database, masterKeys: masterKeys)
      let sealing = service.addSealing(
        signing.dataKeys,
        tables: Signing.sealedTables,
        masterKeysFile: settings.masterKeysFile
      )
      let server = try service.addRPCServer(settings.rpc, trusting: ["gateway"])
      sealing.register(on: server)
      signing.register(on: server)
    }
  }
}
