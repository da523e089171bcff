/// What a service's process is told on its command line: words that say what to do, and settings as flags.
///
/// Every setting takes a value, as the next argument or behind `=`; so what is a flag and what is a value can be told
/// without knowing the settings.
struct ServiceArguments: Sendable {
  /// A setting as it was written.
  struct Flag: Sendable, Equatable {
    /// With its dashes, such as `--rpc-listen`.
    var name: String
    /// Nil where nothing followed, or another flag.
    var value: String?
  }

  /// What is no flag, such as `migrate`.
  private(set) var words: [String] = []
  /// The settings, in order.
  ///
  /// ``texts(without:)`` writes them again.
  private(set) var flags: [Flag] = []
  /// Whether all settings are to be listed, and nothing else done.
  private(set) var wantsHelp = false
  /// Whether the settings in effect are to be printed, and nothing else done.
  private(set) var printsConfiguration = false

  /// Reads the arguments behind the program's name.
  init(_ arguments: some Sequence<String>) {
    var rest = Array(arguments)[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--help", "-h": wantsHelp = true
      case "--print-config": printsConfiguration = true
      case _ where !argument.hasPrefix("--"): words.append(argument)
      default:
        if let equals = argument.firstIndex(of: "=") {
          let value = argument[argument.index(after: equals)...]
          flags.append(Flag(name: String(argument[..<equals]), value: String(value)))
        } else if let value = rest.first, !value.hasPrefix("--") {
          flags.append(Flag(name: argument, value: value))
          rest.removeFirst()
        } else {
          flags.append(Flag(name: argument, value: nil))
        }
      }
    }
  }

  /// The settings as arguments of another process of this program, but for those of these names.
  func texts(without names: Set<String>) -> [String] {
    flags.filter { !names.contains($0.name) }
      .map { flag in flag.value.map { "\(flag.name)=\($0)" } ?? flag.name }
  }
}
