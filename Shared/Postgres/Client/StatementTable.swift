/// The statements that one connection has prepared, by their text and the types of their parameters.
///
/// A name is never used twice, so a statement that the server has lost or that no longer fits is simply
/// prepared again under the next number.
struct StatementTable {
  struct Key: Hashable {
    let sql: String
    let types: [UInt32]
  }

  /// Statements kept on one connection.
  ///
  /// Ours have a few dozen; the limit stops text that is made anew for each call from filling the
  /// server's memory.
  static let statementsMax = 512

  private var numbers: [Key: Int] = [:]
  private var keys: [Int: Key] = [:]
  private var latest = 0

  /// The name that a number stands for.
  static func name(_ number: Int) -> String { "s\(number)" }

  /// Whether the table must be emptied, here and at the server, before more is prepared.
  var isFull: Bool { numbers.count >= StatementTable.statementsMax }

  /// The number of a statement that is prepared, or is about to be by what was sent before.
  func number(of query: Query) -> Int? {
    numbers[Key(sql: query.sql, types: query.types)]
  }

  /// Gives a statement that is about to be prepared its number.
  mutating func add(_ query: Query) -> Int {
    latest += 1
    let key = Key(sql: query.sql, types: query.types)
    numbers[key] = latest
    keys[latest] = key
    return latest
  }

  /// Forgets a statement, so that it is prepared again when it is next needed.
  mutating func remove(_ number: Int) {
    guard let key = keys.removeValue(forKey: number) else { return }
    // A newer statement of the same text may have taken its place.
    if numbers[key] == number { numbers[key] = nil }
  }

  /// Forgets everything.
  mutating func removeAll() {
    numbers.removeAll()
    keys.removeAll()
  }
}
