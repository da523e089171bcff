/// Undoes percent-encoding in paths and queries.
///
/// Source: RFC 3986, section 2.1; for `+` in queries, the URL standard's
/// `application/x-www-form-urlencoded` parser.
enum PercentEncoding {
  /// Decodes one path segment, or one name or value of a query.
  ///
  /// - Parameters:
  ///   - text: The bytes as sent.
  ///   - plusIsSpace: Whether `+` stands for a blank, as in queries.
  /// - Returns: The bytes meant; nil where a `%` is not followed by two hexadecimal digits. They may be
  ///   anything: whether they are UTF-8 is checked by whoever uses them as text.
  static func decode(_ text: ArraySlice<UInt8>, plusIsSpace: Bool = false) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = text.startIndex
    while index < text.endIndex {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "%"):
        guard index + 2 < text.endIndex, let high = hexadecimal(text[index + 1]),
          let low = hexadecimal(text[index + 2])
        else { return nil }
        result.append(high << 4 | low)
        index += 3
      case UInt8(ascii: "+") where plusIsSpace:
        result.append(UInt8(ascii: " "))
        index += 1
      default:
        result.append(byte)
        index += 1
      }
    }
    return result
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
