/// The options of a test executable: pairs of `--name value`.
public struct CommandLineOptions: Sendable {
  private let values: [String: String]

  /// The options of this process.
  ///
  /// Nil when they are not pairs of a name with two dashes and a value.
  public static var given: CommandLineOptions? {
    CommandLineOptions(Array(CommandLine.arguments.dropFirst()))
  }

  init?(_ arguments: [String]) {
    guard arguments.count.isMultiple(of: 2) else { return nil }
    var values: [String: String] = [:]
    for index in stride(from: 0, to: arguments.count, by: 2) {
      guard arguments[index].hasPrefix("--") else { return nil }
      values[String(arguments[index].dropFirst(2))] = arguments[index + 1]
    }
    self.values = values
  }

  /// The value of an option; nil when it was not given.
  public subscript(name: String) -> String? { values[name] }

  /// The value of an option that is a port.
  public func port(_ name: String) -> UInt16? { values[name].flatMap { UInt16($0) } }
}
