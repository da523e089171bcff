internal import WebhooksService

@main enum Main {
  static func main() { WebhooksMain.run() }
}
