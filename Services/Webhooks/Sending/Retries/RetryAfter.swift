internal import Primitives

/// Reads the header by which a receiver says how long to wait.
///
/// Source: RFC 9110, section 10.2.3.
enum RetryAfter {
  /// The longest wait that a receiver may ask for.
  ///
  /// As long as the longest of ``RetrySchedule/standard``, so that a receiver cannot put a delivery off for ever.
  static let longest = Duration.seconds(24 * 3600)

  /// The wait that a value asks for, at most ``longest``; nil when it is neither a number of seconds nor a date.
  static func wait(_ value: String, at now: Timestamp) -> Duration? {
    let value = value.trimmingBlanks
    if !value.isEmpty, value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      // More digits than fit are a number all the same.
      return min(Int64(value).map { Duration.seconds(min($0, 1 << 32)) } ?? longest, longest)
    }
    guard let moment = Timestamp(httpDate: String(value)) else { return nil }
    return min(max(moment - now, .zero), longest)
  }
}

extension String {
  fileprivate var trimmingBlanks: Substring {
    func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
    var text = self[...]
    while let first = text.first, isBlank(first) { text.removeFirst() }
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }
}
