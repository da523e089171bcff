internal import GatewayService
internal import KeysService
internal import LatchkeyTool
internal import LicensesService
internal import SigningService
internal import WebhooksService

/// All of Latchkey in one file, which takes a third of the room that six take: for the image.
///
/// Which program it is, is said by the name that it is called by, so links to it stand for the executables of their names.
@main enum Main {
  static func main() {
    let path = CommandLine.arguments.first ?? ""
    switch path.split(separator: "/").last.map(String.init) ?? "" {
    case "latchkey-gateway": GatewayMain.run()
    case "latchkey-keys": KeysMain.run()
    case "latchkey-licenses": LicensesMain.run()
    case "latchkey-signing": SigningMain.run()
    case "latchkey-webhooks": WebhooksMain.run()
    default: LatchkeyMain.run()
    }
  }
}
