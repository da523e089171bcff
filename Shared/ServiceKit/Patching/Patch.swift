public import Faults

/// What a PATCH makes of a resource: absent fields stay, given ones are set, and null clears what can be null.
///
/// All fields that are null and cannot be are told at once, by ``check()``.
public struct Patch {
  private let presentNames: [String]
  private var issues: [Fault.Issue] = []

  /// Takes the names that the body has, which tell null from absent.
  public init(_ presentNames: [String]) { self.presentNames = presentNames }

  /// Whether the body says that a field is null.
  public func clears<Value>(_ name: String, _ given: Value?) -> Bool {
    given == nil && presentNames.contains(name)
  }

  /// Sets a field that cannot be null.
  public mutating func set<Value>(_ field: inout Value, _ name: String, _ given: Value?) {
    if let given {
      field = given
    } else if clears(name, given) {
      refuse(Fault.Issue(path: [name], message: "Must not be null", code: "invalid_type"))
    }
  }

  /// Sets or clears a field that can be null.
  public func setOrClear<Value>(_ field: inout Value?, _ name: String, _ given: Value?) {
    if given != nil || clears(name, given) { field = given }
  }

  /// Remembers that a field cannot become what the body says.
  public mutating func refuse(_ issue: Fault.Issue) { issues.append(issue) }

  /// Refuses the body when any of its fields was refused.
  ///
  /// - Throws: ``Fault`` `invalidArgument` that names them all.
  public func check() throws(Fault) {
    guard issues.isEmpty else { throw .invalid(issues) }
  }
}
