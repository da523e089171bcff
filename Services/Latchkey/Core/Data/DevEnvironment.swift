internal import ServiceKit

/// `dev.env`: what users, tests and our own SDKs need to know to use the deployment, as shell variables.
struct DevEnvironment: Equatable {
  /// Names and values, in the order of the file.
  private(set) var variables: [(name: String, value: String)] = []

  subscript(name: String) -> String? {
    get { variables.first { $0.name == name }?.value }
    set {
      let index = variables.firstIndex { $0.name == name }
      switch (index, newValue) {
      case (let index?, let value?): variables[index].value = value
      case (let index?, nil): variables.remove(at: index)
      case (nil, let value?): variables.append((name, value))
      case (nil, nil): break
      }
    }
  }

  static func == (left: DevEnvironment, right: DevEnvironment) -> Bool {
    left.text == right.text
  }

  init() {}

  /// Reads what ``text`` wrote; lines of another form are ignored.
  init(text: String) {
    for line in text.split(separator: "\n") {
      guard let equals = line.firstIndex(of: "="), line.first != "#" else { continue }
      let value = String(line[equals...].dropFirst())
      self[String(line[..<equals])] = SettingVariable.unquoted(value) ?? value
    }
  }

  /// The file's text: a shell reads it with `.`, and so does anything that splits at the first `=`.
  var text: String {
    variables.map { "\(SettingVariable.line($0.name, $0.value))\n" }.joined()
  }
}
