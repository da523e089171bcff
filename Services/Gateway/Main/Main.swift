internal import GatewayService

@main enum Main {
  static func main() { GatewayMain.run() }
}
