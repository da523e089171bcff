internal import KeysService

@main enum Main {
  static func main() { KeysMain.run() }
}
