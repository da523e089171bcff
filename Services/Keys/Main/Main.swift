internal import Changes
internal import Cryptography
internal import Faults
internal import KeysService
internal import ServiceKit
internal import Stubs

@main enum Main {
  static func main() {
    let schemas = [
      ServiceMain.Schema(name: Changes.schemaName, migrations: Changes.migrations),
      ServiceMain.Schema(name: "keys", migrations: Keys.migrations),
    ]
    ServiceMain.run("keys", schemas: schemas) { (service) throws(Fault) in
      let settings = try KeysSettings(service.settings)
      let masterKeys = try MasterKeys.load(path: settings.masterKeysFile)
      let database = try service.addDatabase(settings.database)
      let server = try service.addRPCServer(settings.rpc, trusting: ["gateway"])
      let keys = Keys(
        database: database,
        masterKeys: masterKeys,
        leakedKeys: settings.leakedKeys
      )
      keys.register(on: server)
    }
  }
}
