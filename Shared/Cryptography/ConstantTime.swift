private import CSodium

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
///
/// The one way to compare what an attacker may try to guess: signatures, hashes of secrets, tokens.
public func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  left.withUnsafeBytes { left in right.withUnsafeBytes { constantTimeEquals(left, $0) } }
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
public func constantTimeEquals(
  _ left: UnsafeRawBufferPointer,
  _ right: UnsafeRawBufferPointer
) -> Bool {
  guard left.count == right.count else { return false }
  guard let first = left.baseAddress, let second = right.baseAddress else { return true }
  return sodium_memcmp(first, second, left.count) == 0
}

/// Overwrites bytes with zeros, in a way that no optimizer leaves out, and empties the array.
///
/// An array that shares its memory with another one is copied on writing, and only the copy would
/// be wiped: keep secrets in one variable, or in ``SecretBytes``.
public func wipe(_ bytes: inout [UInt8]) {
  bytes.withUnsafeMutableBytes { buffer in
    guard let base = buffer.baseAddress else { return }
    sodium_memzero(base, buffer.count)
  }
  bytes.removeAll()
}
