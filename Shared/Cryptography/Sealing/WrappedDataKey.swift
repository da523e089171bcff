public import Primitives

/// A data key of one account, encrypted by a master key: the form in which the database keeps it.
///
/// The bytes are, in order: format 1 (1 byte), version of the master key (4 bytes, big-endian), nonce
/// (12), encrypted key (32), tag (16). Account and version of the data key are bound as associated
/// data, so a wrapped key moved to another row cannot be unwrapped.
public struct WrappedDataKey: Hashable, Sendable {
  /// The account whose values the key seals.
  public let accountID: UUID
  /// The number of the key within its account, from 1 up; sealed values name it.
  public let version: UInt32
  /// What the database stores.
  public let bytes: [UInt8]

  /// Takes a row of the table of data keys; nothing is checked before it is unwrapped.
  public init(accountID: UUID, version: UInt32, bytes: [UInt8]) {
    self.accountID = accountID
    self.version = version
    self.bytes = bytes
  }

  /// The version of the master key that wraps it; nil when the bytes are no wrapped key.
  public var masterKeyVersion: UInt32? {
    guard bytes.count == Self.byteCount else { return nil }
    return VersionHeader.version(of: bytes)
  }

  /// The number of bytes of every wrapped key.
  public static let byteCount =
    VersionHeader.byteCount + AESGCM.keyByteCount + AESGCM.overheadByteCount

  /// What is bound to the encrypted key beside its place: a fixed text that no sealed value begins
  /// with, then the header.
  func associatedData(header: [UInt8]) -> [UInt8] {
    var data = Array("latchkey data key".utf8) + header
    accountID.appendBytes(to: &data)
    withUnsafeBytes(of: version.bigEndian) { data.append(contentsOf: $0) }
    return data
  }
}

/// The five bytes that begin wrapped keys and sealed values: the format, and the key's version.
enum VersionHeader {
  static let byteCount = 5
  private static let format: UInt8 = 1

  static func bytes(version: UInt32) -> [UInt8] {
    [format] + withUnsafeBytes(of: version.bigEndian) { [UInt8]($0) }
  }

  /// The version; nil when the bytes are too short, of another format, or of version 0.
  static func version(of bytes: [UInt8]) -> UInt32? {
    guard bytes.count >= byteCount, bytes[0] == format else { return nil }
    let version = bytes[1..<byteCount].reduce(0) { $0 << 8 | UInt32($1) }
    return version > 0 ? version : nil
  }
}
