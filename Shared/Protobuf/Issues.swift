internal import Faults

/// The issues found so far, and the way to the message that is being looked at.
struct Issues {
  /// The stable kinds of problems that REST callers see.
  enum Kind: String {
    case invalidType = "invalid_type"
    case tooSmall = "too_small"
    case tooBig = "too_big"
    case invalidString = "invalid_string"
    case invalidEnumValue = "invalid_enum_value"
  }

  /// One step of the way: a message field, and which of its items.
  private struct Step {
    let field: Int
    let schema: Unmanaged<MessageSchema>
    let item: Int?
  }

  /// So many issues are told at once; a hostile list of a million bad items gets no million issues.
  static let countMax = 100

  private(set) var found: [Fault.Issue] = []
  private var way: [Step] = []

  /// Goes into a nested message; `schema` is the outer one's, which lives as long as the process.
  mutating func enter(_ field: Int, of schema: MessageSchema, item: Int?) {
    way.append(Step(field: field, schema: .passUnretained(schema), item: item))
  }

  /// Goes back to where the last ``enter(_:of:item:)`` was.
  mutating func leave() {
    way.removeLast()
  }

  mutating func add(_ field: FieldSchema, _ item: Int?, _ message: String, _ kind: Kind) {
    guard found.count < Self.countMax else { return }
    var path: [String] = []
    for step in way {
      path.append(step.schema._withUnsafeGuaranteedRef { $0.fields[step.field].jsonName })
      if let item = step.item { path.append(String(item)) }
    }
    path.append(field.jsonName)
    if let item { path.append(String(item)) }
    found.append(Fault.Issue(path: path, message: message, code: kind.rawValue))
  }
}
