internal import SigningService

@main enum Main {
  static func main() { SigningMain.run() }
}
