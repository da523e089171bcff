/// One setting: what it is called wherever it is given, what it is for, and what holds without it.
///
/// This is its only declaration: whoever reads the setting makes it, and help, documentation and complaints are made of
/// it.
public struct Setting: Sendable, Equatable {
  /// What the names of all our settings begin with.
  public static let prefix = "LATCHKEY_"

  /// The file with further settings.
  ///
  /// It is named by a flag or in the environment, never in a file.
  public static let file = Setting(
    "LATCHKEY_CONFIG",
    "FILE",
    "a file of settings, each on a line NAME=VALUE",
    expected: "the path of a file that this process can read",
    without: .nothing
  )

  /// The name in the environment and in a file, such as `LATCHKEY_RPC_LISTEN`.
  public let name: String
  /// What stands for the value where settings are listed, such as `HOST:PORT`.
  public let placeholder: String
  /// What it is for: one line without a full stop.
  public let summary: String
  /// What a good value looks like; ends the sentence "expected ...".
  public let expectation: String
  /// What holds where it is not given.
  public let absence: Absence
  /// Whether a refused value may be a secret that got into the wrong place; then no complaint repeats it.
  public let mayHoldSecret: Bool

  /// What holds where a setting is not given.
  public enum Absence: Sendable, Equatable {
    /// The program does not start.
    case refusal
    /// Something is not done.
    case nothing
    /// It is as if this text had been given.
    case value(String)

    /// The absence of a setting that has a default, is optional, or else must be given.
    init(default text: String?, isOptional: Bool) {
      if let text {
        self = .value(text)
      } else {
        self = isOptional ? .nothing : .refusal
      }
    }
  }

  /// Declares a setting; the members say what each part is.
  public init(
    _ name: String,
    _ placeholder: String,
    _ summary: String,
    expected expectation: String,
    without absence: Absence = .refusal,
    mayHoldSecret: Bool = false
  ) {
    precondition(name.hasPrefix(Setting.prefix), "All settings have names of one form")
    self.name = name
    self.placeholder = placeholder
    self.summary = summary
    self.expectation = expectation
    self.absence = absence
    self.mayHoldSecret = mayHoldSecret
  }

  /// The name on the command line: `--rpc-listen` for `LATCHKEY_RPC_LISTEN`.
  public var flag: String { Setting.flag(of: name) }

  /// The name on the command line of the setting of a name.
  static func flag(of name: String) -> String {
    "--" + name.dropFirst(prefix.count).lowercased().replacing("_", with: "-")
  }
}
