internal import ArgumentParser
internal import LatchkeyCommand

/// What all commands are told that call the REST API.
struct APIOptions: ParsableArguments {
  @OptionGroup var dataDirectory: DataDirectoryOption

  @Flag(help: "Work on the live environment, not the test one.")
  var live = false

  @Flag(help: "Print the API's answer in JSON, and nothing else.")
  var json = false

  var place: APIPlace { APIPlace(dataDirectory: dataDirectory.path, isLive: live) }

  /// Where the deployment and its key are found, for the help of commands.
  static let discussion = """
    The deployment is the one of LATCHKEY_URL, LATCHKEY_CA_FILE and LATCHKEY_API_KEY (or LATCHKEY_TEST_API_KEY and \
    LATCHKEY_LIVE_API_KEY), or else that of the data directory.
    """
}

/// A license key in place of an API key.
struct LicenseKeyOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Ask with the license key in place of an API key: @FILE, or - for standard input.",
      discussion: "A key itself is not taken: every user of this machine can see arguments.",
      valueName: "SECRET"
    )
  )
  var licenseKey: String?

  func validate() throws {
    guard licenseKey.map({ $0 == "-" || $0.hasPrefix("@") }) ?? true else {
      throw ValidationError(
        "--license-key takes @FILE or - (standard input): every user of this machine can see arguments."
      )
    }
  }

  /// The same place, asked with the license key where one was given.
  func place(_ options: APIOptions) -> APIPlace {
    var place = options.place
    place.licenseKey = licenseKey.map { $0 == "-" ? .standardInput : .file(String($0.dropFirst())) }
    return place
  }
}
