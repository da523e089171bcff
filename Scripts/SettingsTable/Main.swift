internal import GatewayService
internal import KeysService
internal import LicensesService
internal import ServiceKit
internal import SigningService
internal import WebhooksService

/// Prints what is made of the declarations of all settings: `page`, or `names`.
@main enum Main {
  static func main() {
    let page = SettingsPage(services: [
      ("gateway", SettingsManual(GatewaySettings.self, migrates: false)),
      ("keys", SettingsManual(KeysSettings.self, migrates: true)),
      ("licenses", SettingsManual(LicensesSettings.self, migrates: true)),
      ("signing", SettingsManual(SigningSettings.self, migrates: true)),
      ("webhooks", SettingsManual(WebhooksSettings.self, migrates: true)),
    ])
    switch CommandLine.arguments.dropFirst().first {
    case "page": print(page.text, terminator: "")
    case "names": print(page.names, terminator: "")
    default: preconditionFailure("usage: latchkey-settings-table page|names")
    }
  }
}
