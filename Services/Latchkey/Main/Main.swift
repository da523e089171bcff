internal import LatchkeyTool

@main enum Main {
  static func main() { LatchkeyMain.run() }
}
