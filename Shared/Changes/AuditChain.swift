internal import Cryptography
public import Primitives

/// The chain that an account's audit log is sealed with: each seal covers the one before, so that no entry can be
/// altered, removed or put in between without breaking all that follow.
///
/// A seal is SHA-256 over: the seal before (32 bytes, zeros before the first), the position (8, big-endian), the
/// environment (`test` or `live`), the entry's id (16), and the entry's bytes. The database's own function of the
/// same content is `changes.audit_seal_hash`.
public struct AuditChain: Sendable {
  /// The position of the last seal; zero before the first.
  public private(set) var position: Int64 = 0
  /// The last seal.
  public private(set) var hash = [UInt8](repeating: 0, count: SHA256.byteCount)

  /// Begins an empty chain.
  public init() {}

  /// Goes on to the next entry.
  ///
  /// - Parameters:
  ///   - environment: The entry's data set.
  ///   - id: The entry's id.
  ///   - bytes: The entry.
  ///   - position: Where it stands, if not behind the one before.
  /// - Returns: What the entry's seal must be.
  @discardableResult
  public mutating func append(
    _ environment: Environment,
    _ id: UUID,
    _ bytes: [UInt8],
    at position: Int64? = nil
  ) -> [UInt8] {
    let position = position ?? self.position + 1
    self.position = position
    var sealed = hash
    sealed.reserveCapacity(hash.count + 28 + bytes.count)
    withUnsafeBytes(of: position.bigEndian) { sealed.append(contentsOf: $0) }
    sealed.append(contentsOf: environment.rawValue.utf8)
    id.appendBytes(to: &sealed)
    sealed.append(contentsOf: bytes)
    hash = SHA256.hash(sealed)
    return hash
  }

  /// Takes a seal for the last one as it is, so that what follows is judged by it.
  mutating func resume(from seal: [UInt8]) { hash = seal }
}
