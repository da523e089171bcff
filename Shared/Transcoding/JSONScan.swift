internal import Faults

/// Looks over JSON text before it is parsed, so that a small body cannot become a large tree.
///
/// It counts only; whether the text is JSON is the parser's business. Text that is not JSON may be
/// counted wrongly and is then refused by the parser anyway.
enum JSONScan {
  /// Refuses text that nests too deeply or has too many values.
  ///
  /// - Throws: ``Fault`` `invalidArgument` that names the limit.
  static func check(_ text: UnsafeRawBufferPointer) throws(Fault) {
    var depth = 0
    // Each value but the first of its container follows a comma, and each container has a first.
    var values = 1
    var index = 0
    while index < text.count {
      switch text[index] {
      case UInt8(ascii: "\""):
        index = endOfString(text, from: index + 1)
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        values += 1
        guard depth <= JSONLimits.depthMax else {
          throw JSONDocument.malformed("Nested more than \(JSONLimits.depthMax) deep", .limit)
        }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
      case UInt8(ascii: ","):
        values += 1
      default:
        break
      }
      guard values <= JSONLimits.valuesMax else {
        throw JSONDocument.malformed("More than \(JSONLimits.valuesMax) values", .limit)
      }
      index += 1
    }
  }

  /// The index of the quote that ends a string, or of the end of the text.
  private static func endOfString(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start
    while index < text.count, text[index] != UInt8(ascii: "\"") {
      index += text[index] == UInt8(ascii: "\\") ? 2 : 1
    }
    return index
  }
}
