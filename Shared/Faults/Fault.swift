/// Why an operation could not be done: the one error type that services throw and that RPC carries.
///
/// A verdict such as "the license has expired" is an answer and never a fault.
public struct Fault: Error, Sendable {
  /// The category, with the numbers and meanings of gRPC's status codes.
  ///
  /// Source: gRPC, `doc/statuscodes.md`.
  public enum Code: Int32, Sendable, CaseIterable {
    case cancelled = 1
    case unknown = 2
    case invalidArgument = 3
    case deadlineExceeded = 4
    case notFound = 5
    case alreadyExists = 6
    case permissionDenied = 7
    case resourceExhausted = 8
    case failedPrecondition = 9
    case aborted = 10
    case outOfRange = 11
    case unimplemented = 12
    case internalError = 13
    case unavailable = 14
    case dataLoss = 15
    case unauthenticated = 16
  }

  /// The category that decides how a caller reacts.
  public var code: Code {
    get { parts.code }
    set { parts.code = newValue }
  }
  /// One sentence that is safe to show to the caller and says what to change.
  public var message: String {
    get { parts.message }
    set { parts.message = newValue }
  }
  /// The stable name programs match on, where the code alone is not precise enough.
  public var reason: Reason? {
    get { parts.reason }
    set { parts.reason = newValue }
  }
  /// Every field that was refused, when the input was at fault.
  public var issues: [Issue] {
    get { parts.issues }
    set { parts.issues = newValue }
  }
  /// Facts about the refusal that programs may use, such as a limit and how much of it is taken.
  public var facts: [Fact] {
    get { parts.facts }
    set { parts.facts = newValue }
  }
  /// What our own logs need in addition; never shown to the caller.
  public var detail: String? {
    get { parts.detail }
    set { parts.detail = newValue }
  }
  /// The error beneath this one; never shown to the caller.
  public var cause: (any Error)? {
    get { parts.cause }
    set { parts.cause = newValue }
  }

  /// What a fault says, in one object.
  ///
  /// A fault is one pointer, then: everything that can fail has a place for one, which would else be 80 bytes with
  /// five references in every frame of every call that goes well.
  private var box: Box

  private var parts: Parts {
    get { box.parts }
    set { box = Box(newValue) }
  }

  private struct Parts: Sendable {
    var code: Code
    var message: String
    var reason: Reason?
    var issues: [Issue]
    var facts: [Fact]
    var detail: String?
    var cause: (any Error)?
  }

  private final class Box: Sendable {
    let parts: Parts

    init(_ parts: Parts) { self.parts = parts }
  }

  /// Makes a fault.
  public init(
    _ code: Code,
    _ message: String,
    reason: Reason? = nil,
    issues: [Issue] = [],
    facts: [Fact] = [],
    detail: String? = nil,
    cause: (any Error)? = nil
  ) {
    box = Box(
      Parts(
        code: code,
        message: message,
        reason: reason,
        issues: issues,
        facts: facts,
        detail: detail,
        cause: cause
      )
    )
  }

  /// One number that explains a refusal, such as `max` or `current`.
  public struct Fact: Sendable, Equatable {
    /// The name, in the JSON form (`camelCase`).
    public var name: String
    /// The value.
    public var value: Int64

    /// Makes a fact.
    public init(_ name: String, _ value: Int64) {
      self.name = name
      self.value = value
    }
  }

  /// One refused input field.
  public struct Issue: Sendable, Equatable {
    /// Where the field is, outermost name first, in the JSON form (`camelCase`, indices as digits).
    public var path: [String]
    /// What is wrong and what would be right.
    public var message: String
    /// The stable kind of the problem, such as `invalid_type` or `too_small`.
    public var code: String

    /// Makes an issue.
    public init(path: [String], message: String, code: String) {
      self.path = path
      self.message = message
      self.code = code
    }
  }
}

extension Fault {
  /// The input was refused, with every bad field named.
  public static func invalid(_ issues: [Issue]) -> Fault {
    Fault(.invalidArgument, "Validation failed", reason: .validationError, issues: issues)
  }

  /// Nothing with that name is visible to the caller; foreign and absent are the same answer.
  public static func notFound(_ message: String) -> Fault {
    Fault(.notFound, message, reason: .notFound)
  }

  /// An error of our own, whose text the caller never sees.
  public static func internalError(_ detail: String, cause: (any Error)? = nil) -> Fault {
    Fault(.internalError, "Internal error", detail: detail, cause: cause)
  }

  /// Something this operation needs is out of reach at the moment.
  public static func unavailable(
    _ message: String,
    detail: String? = nil,
    cause: (any Error)? = nil
  ) -> Fault {
    Fault(.unavailable, message, reason: .serviceUnavailable, detail: detail, cause: cause)
  }
}

extension Fault: CustomStringConvertible, CustomDebugStringConvertible {
  /// Code and message only, since a description may end up in front of a user.
  public var description: String { "\(code): \(message)" }

  /// Everything known, for logs.
  public var debugDescription: String {
    var text = description
    if let reason { text += " [\(reason.rawValue)]" }
    for issue in issues {
      text += "; \(issue.path.joined(separator: ".")): \(issue.message) (\(issue.code))"
    }
    if let detail { text += "; detail: \(detail)" }
    if let cause { text += "; cause: \(String(reflecting: cause))" }
    return text
  }
}
