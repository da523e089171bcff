/// Stands for a secret wherever a message is printed; shows whether there is one, and nothing of it.
public struct Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private let isAbsent: Bool

  /// Hides a value that is always there.
  public init<Value>(_ value: Value) {
    isAbsent = false
  }

  /// Hides a value that may be absent.
  public init<Value>(_ value: Value?) {
    isAbsent = value == nil
  }

  /// `<redacted>`, or `nil`.
  public var description: String { isAbsent ? "nil" : "<redacted>" }

  /// `<redacted>`, or `nil`.
  public var debugDescription: String { description }

  /// Has no parts.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
