internal import Cryptography
internal import Primitives

/// The fields of a JSON object from outside, each read as the type it must have.
///
/// Names that nobody asks for are ignored, so that later versions can add some.
struct Fields {
  private let members: [JSONValue.Member]

  /// Reads a text that must be one object.
  init(_ text: [UInt8]) throws(Refusal) {
    do throws(JSONReader.Problem) {
      guard case .object(let members) = try JSONReader.read(text) else {
        throw JSONReader.Problem(offset: 0)
      }
      self.members = members
    } catch {
      throw Refusal(.malformed, "not a JSON object that follows the rules (byte \(error.offset))")
    }
  }

  private init(members: [JSONValue.Member]) {
    self.members = members
  }

  /// Refuses a document of another version than 1.
  func checkVersion() throws(Refusal) {
    let version = try integer("version", in: Int64.min...Int64.max)
    guard version == 1 else {
      throw Refusal(.unsupportedVersion, "version \(version) is not known, only 1 is")
    }
  }

  /// A field that may be null or absent.
  func optional<Value>(
    _ name: String,
    _ read: (Fields, String) throws(Refusal) -> Value
  ) throws(Refusal) -> Value? {
    switch value(name) {
    case nil, .null: nil
    default: try read(self, name)
    }
  }

  func text(_ name: String, bytes range: ClosedRange<Int>) throws(Refusal) -> String {
    guard case .string(let text) = value(name), range.contains(text.utf8.count) else {
      throw wrong(name, "a string of \(range.lowerBound) to \(range.upperBound) bytes")
    }
    return text
  }

  /// A whole number without point and exponent, within what every JSON reader keeps exactly.
  func integer(_ name: String, in range: ClosedRange<Int64>) throws(Refusal) -> Int64 {
    guard let number = Self.integer(value(name)), range.contains(number) else {
      throw wrong(name, "a whole number in range")
    }
    return number
  }

  func moment(_ name: String) throws(Refusal) -> Timestamp {
    guard case .string(let text) = value(name), let moment = Timestamp(iso8601: text) else {
      throw wrong(name, "a time such as 2026-01-15T10:30:00.000Z")
    }
    return moment
  }

  func id(_ name: String) throws(Refusal) -> UUID {
    guard case .string(let text) = value(name), let id = UUID(text) else {
      throw wrong(name, "a UUID")
    }
    return id
  }

  func environment(_ name: String) throws(Refusal) -> Environment {
    guard case .string(let text) = value(name), let environment = Environment(rawValue: text) else {
      throw wrong(name, "test or live")
    }
    return environment
  }

  func publicKey(_ name: String) throws(Refusal) -> Ed25519PublicKey {
    guard case .string(let text) = value(name), let key = Ed25519PublicKey(text: text) else {
      throw wrong(name, "an Ed25519 public key, base 64 of its SubjectPublicKeyInfo")
    }
    return key
  }

  /// The name of a key.
  func keyID(_ name: String) throws(Refusal) -> String {
    try text(name, bytes: 1...64)
  }

  /// Bytes in lower-case hexadecimal digits.
  func hex(_ name: String, bytes count: Int) throws(Refusal) -> [UInt8] {
    guard case .string(let text) = value(name), let bytes = Hex.decode(text), bytes.count == count,
      Hex.encode(bytes) == text
    else { throw wrong(name, "\(count * 2) lower-case hexadecimal digits") }
    return bytes
  }

  /// A list of as many, each like ``hex(_:bytes:)``.
  func hexes(
    _ name: String,
    counts: ClosedRange<Int>,
    bytes count: Int
  ) throws(Refusal) -> [[UInt8]] {
    let texts = try texts(name, countMax: counts.upperBound, bytes: count * 2...count * 2)
    let hashes = texts.compactMap { text in
      Hex.decode(text).flatMap { Hex.encode($0) == text ? $0 : nil }
    }
    guard counts.contains(texts.count), hashes.count == texts.count else {
      throw wrong(name, "\(counts.lowerBound) to \(counts.upperBound) texts of \(count * 2) digits")
    }
    return hashes
  }

  /// What tells machines apart: 8 to 256 characters, as the API has it.
  func fingerprint(_ name: String) throws(Refusal) -> String {
    guard case .string(let text) = value(name), (8...256).contains(text.unicodeScalars.count) else {
      throw wrong(name, "a string of 8 to 256 characters")
    }
    return text
  }

  func texts(
    _ name: String,
    countMax: Int,
    bytes range: ClosedRange<Int>
  ) throws(Refusal) -> [String] {
    var texts: [String] = []
    for value in try array(name, countMax: countMax) {
      guard case .string(let text) = value, range.contains(text.utf8.count) else {
        throw wrong(name, "a list of strings of \(range.lowerBound) to \(range.upperBound) bytes")
      }
      texts.append(text)
    }
    return texts
  }

  func integers(
    _ name: String,
    countMax: Int,
    in range: ClosedRange<Int64>
  ) throws(Refusal) -> [Int64] {
    var numbers: [Int64] = []
    for value in try array(name, countMax: countMax) {
      guard let number = Self.integer(value), range.contains(number) else {
        throw wrong(name, "a list of whole numbers in range")
      }
      numbers.append(number)
    }
    return numbers
  }

  func objects(_ name: String, countMax: Int) throws(Refusal) -> [Fields] {
    var objects: [Fields] = []
    for value in try array(name, countMax: countMax) {
      guard case .object(let members) = value else { throw wrong(name, "a list of objects") }
      objects.append(Fields(members: members))
    }
    return objects
  }

  /// Refuses a field that is not an object.
  func checkObject(_ name: String) throws(Refusal) {
    guard case .object = value(name) else { throw wrong(name, "an object") }
  }

  private func array(_ name: String, countMax: Int) throws(Refusal) -> [JSONValue] {
    guard case .array(let values) = value(name), values.count <= countMax else {
      throw wrong(name, "a list of at most \(countMax)")
    }
    return values
  }

  private func value(_ name: String) -> JSONValue? {
    members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  func wrong(_ name: String, _ expectation: String) -> Refusal {
    Refusal(.malformed, "\(name) must be \(expectation)")
  }

  private static func integer(_ value: JSONValue?) -> Int64? {
    guard case .number(let digits) = value, let number = Int64(digits),
      (-integerMax...integerMax).contains(number), "\(number)" == digits
    else { return nil }
    return number
  }

  /// The largest whole number that a double, and so every JSON reader, keeps exactly.
  static let integerMax: Int64 = 1 << 53 - 1
}
