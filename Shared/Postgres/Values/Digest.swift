public import Faults

/// A hash of 32 bytes, held in place: what licenses and API keys are looked up by.
///
/// As the key of a ``Batcher`` it is several times as fast as an array of bytes, which takes an
/// allocation and is hashed byte by byte. In SQL it is a `bytea`.
public struct Digest: Hashable, Sendable, PostgresScalar {
  /// The number of bytes.
  public static let byteCount = 32

  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// Holds exactly 32 bytes; any other count gives nil.
  public init?(_ bytes: [UInt8]) {
    let digest = bytes.withUnsafeBytes { Digest($0) }
    guard let digest else { return nil }
    self = digest
  }

  /// Holds exactly 32 bytes; any other count gives nil.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count == Digest.byteCount else { return nil }
    words = (
      load(UInt64.self, bytes), load(UInt64.self, bytes, at: 8),
      load(UInt64.self, bytes, at: 16), load(UInt64.self, bytes, at: 24)
    )
  }

  /// The bytes.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Digest.byteCount)
    _ = encode(to: &bytes)
    return bytes
  }

  /// Whether both hold the same bytes.
  ///
  /// Not in constant time: what is compared are hashes of secrets.
  public static func == (left: Digest, right: Digest) -> Bool {
    left.words == right.words
  }

  /// A part stands for the whole, since all parts of a hash are as good as random.
  public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

  /// The type a parameter is declared as.
  public static var postgresType: UInt32 { PostgresType.bytea }
  /// The type of an array of such values.
  public static var postgresArrayType: UInt32 { PostgresType.byteaArray }
  /// The usual size of one value, in bytes.
  public static var postgresSizeHint: Int { byteCount }
  /// Appends the binary form.
  public func encode(to bytes: inout [UInt8]) -> Bool {
    bytes.append(bigEndian: words.0)
    bytes.append(bigEndian: words.1)
    bytes.append(bigEndian: words.2)
    bytes.append(bigEndian: words.3)
    return true
  }
  /// Reads one value.
  public static func decode(_ field: Field) throws(Fault) -> Digest {
    guard field.type == PostgresType.bytea,
      let digest = Digest(try field.required("digest", count: byteCount))
    else { throw field.mismatch("digest") }
    return digest
  }
}
