public import Faults

/// A JSON text whose values are looked up by the names that lead to them, for programs that read answers of the API.
///
/// A step of a path is the name of a member, or for an element of an array its index in digits.
public final class JSONAnswer {
  private let document: JSONDocument

  /// Reads a whole text, as strictly as requests are read.
  ///
  /// - Throws: ``Fault`` `invalidArgument` for what is not JSON.
  public init(_ text: [UInt8]) throws(Fault) {
    document = try text.span.withUnsafeBytes { (text) throws(Fault) in
      try JSONDocument(parsing: text)
    }
  }

  /// The string at a path; nil where there is none.
  public func text(_ path: [String]) -> String? {
    guard let value = value(at: path), value.kind == .string else { return nil }
    return String(decoding: value.utf8, as: UTF8.self)
  }

  /// The whole number at a path; nil where there is none.
  public func integer(_ path: [String]) -> Int64? {
    guard let value = value(at: path), value.kind == .integer else { return nil }
    return value.integer
  }

  /// Whether `true` is at a path.
  public func isTrue(_ path: [String]) -> Bool { value(at: path)?.isTrue ?? false }

  /// How many elements the array at a path has; zero where there is none.
  public func count(_ path: [String]) -> Int {
    guard let value = value(at: path), value.kind == .array else { return 0 }
    return value.count
  }

  /// The value at a path as JSON text of its own; nil where there is none.
  public func json(_ path: [String]) -> [UInt8]? {
    guard let value = value(at: path) else { return nil }
    var text = JSONText()
    text.value(value)
    return text.bytes
  }

  /// ``text(_:)`` with the steps one by one.
  public func text(_ path: String...) -> String? { text(path) }

  /// ``integer(_:)`` with the steps one by one.
  public func integer(_ path: String...) -> Int64? { integer(path) }

  /// ``count(_:)`` with the steps one by one.
  public func count(_ path: String...) -> Int { count(path) }

  /// ``isTrue(_:)`` with the steps one by one.
  public func isTrue(_ path: String...) -> Bool { isTrue(path) }

  /// ``json(_:)`` with the steps one by one.
  public func json(_ path: String...) -> [UInt8]? { json(path) }

  private func value(at path: [String]) -> JSONValue? {
    var value = document.root
    for step in path {
      let next =
        value.kind == .array
        ? Int(step).flatMap { value.element($0) } : value.member(named: Array(step.utf8))
      guard let next else { return nil }
      value = next
    }
    return value
  }
}
