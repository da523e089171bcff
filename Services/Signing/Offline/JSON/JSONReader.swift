internal import Primitives

/// Reads JSON strictly: RFC 8259 and nothing beyond, UTF-8, no name twice in one object, limited nesting.
///
/// Written for this module since a verifier inside an application should bring no further library. What is read is
/// either signed, and then wrong only by our own mistake, or hostile; so a refusal says where, not how to mend it.
struct JSONReader {
  /// How deeply objects and arrays may nest; the reader recurses, so this bounds its stack.
  ///
  /// Metadata of 32 levels, which the API admits, lies three levels deep in a payload.
  static let depthMax = 40

  /// The text does not follow the rules.
  struct Problem: Error {
    /// The offset of the byte at which reading ended.
    let offset: Int
  }

  private let text: [UInt8]
  private var position = 0

  private init(_ text: [UInt8]) {
    self.text = text
  }

  /// Reads a whole text as one value, with nothing but white space around it.
  static func read(_ text: [UInt8]) throws(Problem) -> JSONValue {
    var reader = JSONReader(text)
    reader.skipWhiteSpace()
    let value = try reader.value(depth: 0)
    reader.skipWhiteSpace()
    guard reader.position == text.count else { throw reader.problem }
    return value
  }

  private var problem: Problem { Problem(offset: position) }

  private var next: UInt8? { position < text.count ? text[position] : nil }

  private mutating func skipWhiteSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
      position += 1
    }
  }

  /// Takes a character if it is the next one.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(Problem) -> JSONValue {
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth + 1)
    case UInt8(ascii: "["): return try array(depth: depth + 1)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func word(
    _ word: StaticString,
    _ value: JSONValue
  ) throws(Problem) -> JSONValue {
    let bytes = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
    guard text[position...].starts(with: bytes) else { throw problem }
    position += bytes.count
    return value
  }

  private mutating func object(depth: Int) throws(Problem) -> JSONValue {
    guard depth <= Self.depthMax, take("{") else { throw problem }
    var members: [JSONValue.Member] = []
    // As bytes: to Swift, strings are equal that Unicode calls equivalent, but names are told apart by their bytes.
    var names: Set<[UInt8]> = []
    skipWhiteSpace()
    if take("}") { return .object(members) }
    while true {
      skipWhiteSpace()
      let name = try string()
      guard names.insert(Array(name.utf8)).inserted else { throw problem }
      skipWhiteSpace()
      guard take(":") else { throw problem }
      skipWhiteSpace()
      members.append(JSONValue.Member(name: name, value: try value(depth: depth)))
      skipWhiteSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw problem }
    }
  }

  private mutating func array(depth: Int) throws(Problem) -> JSONValue {
    guard depth <= Self.depthMax, take("[") else { throw problem }
    var elements: [JSONValue] = []
    skipWhiteSpace()
    if take("]") { return .array(elements) }
    while true {
      skipWhiteSpace()
      elements.append(try value(depth: depth))
      skipWhiteSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw problem }
    }
  }

  private mutating func number() throws(Problem) -> String {
    let start = position
    _ = take("-")
    if !take("0") { try digits() }
    if take(".") { try digits() }
    if take("e") || take("E") {
      _ = take("+") || take("-")
      try digits()
    }
    return String(decoding: text[start..<position], as: UTF8.self)
  }

  private mutating func digits() throws(Problem) {
    let start = position
    while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    guard position > start else { throw problem }
  }

  private mutating func string() throws(Problem) -> String {
    guard take("\"") else { throw problem }
    var bytes: [UInt8] = []
    while let byte = next {
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: bytes, as: UTF8.self) else { throw problem }
        return string
      case UInt8(ascii: "\\"): bytes.append(contentsOf: try escaped())
      case 0..<0x20: throw problem
      default: bytes.append(byte)
      }
    }
    throw problem
  }

  /// What stands behind a backslash, as UTF-8.
  private mutating func escaped() throws(Problem) -> [UInt8] {
    guard let byte = next else { throw problem }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): return Array(String(Character(try unicodeScalar())).utf8)
    default: throw problem
    }
  }

  /// A character written as one unit of UTF-16, or two; half a character is refused.
  private mutating func unicodeScalar() throws(Problem) -> Unicode.Scalar {
    let unit = try fourDigits()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard unit < 0xdc00, take("\\"), take("u") else { throw problem }
    let low = try fourDigits()
    guard (0xdc00...0xdfff).contains(low),
      let scalar = Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00))
    else { throw problem }
    return scalar
  }

  private mutating func fourDigits() throws(Problem) -> UInt32 {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Hex.value(of: byte) else { throw problem }
      position += 1
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }
}
