internal import Faults

/// Everything that is wrong with one request, gathered while it is read, so that all of it is told at once.
struct IssueList {
  /// The stable kinds of problem that reading can find; constraints have more of their own.
  enum Kind: String {
    case invalidType = "invalid_type"
    case invalidString = "invalid_string"
    case invalidEnumValue = "invalid_enum_value"
    case tooSmall = "too_small"
    case tooBig = "too_big"
    case custom = "custom"
  }

  /// What was found.
  private(set) var issues: [Fault.Issue] = []
  /// Where the reader is now.
  var path: [String] = []

  /// Notes a problem of the value the reader is at.
  mutating func add(_ kind: Kind, _ message: String) {
    guard issues.count < JSONLimits.issuesMax else { return }
    issues.append(Fault.Issue(path: path, message: message, code: kind.rawValue))
  }

  /// Adds what checking the constraints found, except about values that could not even be read: those
  /// would be called absent too.
  mutating func merge(_ found: [Fault.Issue]) {
    let unreadable = issues
    for issue in found where issues.count < JSONLimits.issuesMax {
      if !unreadable.contains(where: { issue.path.starts(with: $0.path) }) { issues.append(issue) }
    }
  }
}
