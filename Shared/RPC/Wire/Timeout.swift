/// The `grpc-timeout` field: up to eight digits and a unit.
///
/// Source: gRPC, `doc/PROTOCOL-HTTP2.md`, "Timeout".
enum Timeout {
  /// Longest deadline there is; a call that rests for longer is not a call.
  static let max = Duration.seconds(3600)

  /// Reads the field's value; nil when it is malformed.
  static func parse(_ text: ArraySlice<UInt8>) -> Duration? {
    guard let unit = text.last, (2...9).contains(text.count) else { return nil }
    var value: Int64 = 0
    for digit in text.dropLast() {
      guard (48...57).contains(digit) else { return nil }
      value = value * 10 + Int64(digit - 48)
    }
    switch unit {
    case UInt8(ascii: "H"): return .seconds(value * 3600)
    case UInt8(ascii: "M"): return .seconds(value * 60)
    case UInt8(ascii: "S"): return .seconds(value)
    case UInt8(ascii: "m"): return .milliseconds(value)
    case UInt8(ascii: "u"): return .microseconds(value)
    case UInt8(ascii: "n"): return .nanoseconds(value)
    default: return nil
    }
  }

  /// The value for a duration, rounded up, in the finest unit that fits eight digits.
  static func format(_ nanoseconds: Int64) -> String {
    let units: [(Int64, String)] = [
      (1, "n"), (1_000, "u"), (1_000_000, "m"), (1_000_000_000, "S"), (60_000_000_000, "M"),
    ]
    let nanoseconds = Swift.max(0, nanoseconds)
    for (size, letter) in units {
      let count = nanoseconds / size + (nanoseconds % size == 0 ? 0 : 1)
      if count < 100_000_000 { return "\(count)\(letter)" }
    }
    return "99999999H"
  }
}
