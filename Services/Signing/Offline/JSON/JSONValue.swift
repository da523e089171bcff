/// A value of JSON text, as far as our documents need it.
enum JSONValue: Sendable {
  /// A name and its value.
  struct Member: Sendable {
    let name: String
    let value: JSONValue
  }

  case null
  case boolean(Bool)
  /// The digits as they were written; nothing is rounded.
  case number(String)
  case string(String)
  case array([JSONValue])
  /// In the order of the text; no name occurs twice.
  case object([Member])
}
