internal import Faults

/// Where settings come from: flags before the environment before a file.
public struct SettingSources: Sendable {
  /// Where the value in effect of a setting was found.
  enum Origin: Sendable, CaseIterable {
    case flag, environment, file, fallback
  }

  /// A setting that is given.
  struct Given: Sendable, Equatable {
    var text: String
    var origin: Origin
    /// What a complaint about it begins with: the setting's name in that place.
    var label: String
  }

  let flags: [ServiceArguments.Flag]
  let environment: [String: String]
  let file: SettingsListing?

  /// Takes settings from an environment alone.
  public init(environment: [String: String]) {
    self.init(flags: [], environment: environment, file: nil)
  }

  init(flags: [ServiceArguments.Flag], environment: [String: String], file: SettingsListing?) {
    self.flags = flags
    self.environment = environment
    self.file = file
  }

  /// Takes flags, an environment, and the file that one of them names.
  init(flags: [ServiceArguments.Flag], environment: [String: String]) {
    let named = SettingSources(flags: flags, environment: environment, file: nil)
    let path = named.given(.file)?.text ?? ""
    self.init(
      flags: flags,
      environment: environment,
      // A path that leads nowhere is refused by the reader, like any other value.
      file: SettingsFile.isReadable(path) ? SettingsListing(path: path) : nil
    )
  }

  /// The value of the first place that gives the setting; nil where none does.
  ///
  /// A variable without a text is not given, as services of `docker compose` have such; a flag without one is a mistake,
  /// and its text is empty.
  func given(_ setting: Setting) -> Given? {
    if let flag = flags.first(where: { $0.name == setting.flag }) {
      return Given(text: flag.value ?? "", origin: .flag, label: flag.name)
    }
    if let text = environment[setting.name], !text.isEmpty {
      return Given(text: text, origin: .environment, label: setting.name)
    }
    // No file names another one.
    if setting != .file, let file, let entry = file.entry(setting.name), !entry.value.isEmpty {
      return Given(text: entry.value, origin: .file, label: file.label(entry))
    }
    return nil
  }

  /// What is wrong with the sources themselves, when these settings are all that the program has.
  ///
  /// Flags are this program's alone. Variables may be another service's, since one environment or file may serve all; a
  /// name that no service knows is a slip of the pen.
  func complaints(declared: [Setting]) -> [Fault.Issue] {
    flagComplaints(Set(declared.map(\.flag))) + variableComplaints(Set(declared.map(\.name)))
  }

  private func flagComplaints(_ known: Set<String>) -> [Fault.Issue] {
    var seen: Set<String> = []
    return flags.compactMap { (flag) -> Fault.Issue? in
      guard known.contains(flag.name) else {
        return Fault.Issue(
          path: [flag.name],
          message: "is not a setting of this program; --help lists them",
          code: "unrecognized_key"
        )
      }
      guard !seen.insert(flag.name).inserted else { return nil }
      return Fault.Issue(
        path: [flag.name],
        message: "is there more than once; leave one of them",
        code: "invalid_value"
      )
    }
  }

  private func variableComplaints(_ own: Set<String>) -> [Fault.Issue] {
    let known = own.union(SettingNames.all)
    func complaint(_ label: String) -> Fault.Issue {
      Fault.Issue(
        path: [label],
        message:
          "is not a setting of this program; remove it, or correct its name (--help lists them)",
        code: "unrecognized_key"
      )
    }
    let variables = environment.keys.sorted()
      .filter { $0.hasPrefix(Setting.prefix) && !known.contains($0) }
      .map(complaint)
    guard let file else { return variables }
    let lines = file.entries
      .filter { !known.contains($0.name) || $0.name == Setting.file.name }
      .map { complaint(file.label($0)) }
    return variables + file.issues + lines
  }
}
