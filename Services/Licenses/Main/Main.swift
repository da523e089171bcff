internal import LicensesService

@main enum Main {
  static func main() { LicensesMain.run() }
}
