/// CRC-32 as in Ethernet, gzip and PNG: it finds typing errors, and protects against nothing else.
///
/// Source: ISO/IEC 8802-3 (reflected polynomial 0xEDB88320).
public enum CRC32 {
  /// The checksum of bytes.
  public static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var remainder = UInt32.max
    for byte in bytes {
      remainder = table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)] ^ remainder >> 8
    }
    return ~remainder
  }

  /// What each value of a byte contributes.
  private static let table: [UInt32] = (0..<256).map { value in
    (0..<8).reduce(UInt32(value)) { remainder, _ in
      remainder & 1 == 1 ? 0xedb8_8320 ^ remainder >> 1 : remainder >> 1
    }
  }
}
