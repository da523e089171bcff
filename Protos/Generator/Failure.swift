/// Why nothing was generated: a contract that breaks a rule, or a file that cannot be read or written.
struct Failure: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}
