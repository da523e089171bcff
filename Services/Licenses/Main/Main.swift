internal import Cryptography
internal import Faults
internal import LicensesService
internal import ServiceKit
internal import Stubs

@main enum Main {
  static func main() {
    let schema = ServiceMain.Schema(name: "licenses", migrations: Licenses.migrations)
    ServiceMain.run("licenses", schema: schema) { (service) throws(Fault) in
      let settings = try LicensesSettings(service.settings)
      let masterKeys = try MasterKeys.load(path: settings.masterKeysFile)
      let database = try service.addDatabase(settings.database)
      let server = try service.addRPCServer(settings.rpc, trusting: ["gateway"])
      let licenses = Licenses(database: database, masterKeys: masterKeys)
      licenses.register(on: server)
    }
  }
}
