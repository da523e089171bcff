private import COpenSSL

/// HKDF with SHA-256: independent keys from one secret of high entropy.
///
/// Source: RFC 5869.
public enum HKDF {
  /// The longest output, 255 hashes (RFC 5869, section 2.3).
  public static let outputBytesMax = 255 * SHA256.byteCount

  /// Derives a key.
  ///
  /// - Parameters:
  ///   - secret: The input keying material, at least one byte. A password is not fit for this.
  ///   - salt: Random or fixed bytes, or nothing.
  ///   - purpose: What the key is for (`info` in the RFC); another purpose gives another key.
  ///   - count: How many bytes to derive, 1 to ``outputBytesMax``.
  /// - Returns: The derived key; wipe it after use.
  public static func derive(
    from secret: UnsafeRawBufferPointer,
    salt: [UInt8] = [],
    purpose: [UInt8],
    count: Int
  ) -> [UInt8] {
    precondition(!secret.isEmpty && (1...outputBytesMax).contains(count), "sizes out of range")
    let context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nil)
    defer { EVP_PKEY_CTX_free(context) }
    let secret = secret.bindMemory(to: UInt8.self)
    // Each returns 1, or 0 or less when memory runs out: the parameters are checked above. Salt and
    // purpose are left out when empty, which means the same.
    let isReady =
      EVP_PKEY_derive_init(context) == 1
      && EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1
      && EVP_PKEY_CTX_set1_hkdf_key(context, secret.baseAddress, Int32(secret.count)) == 1
      && (salt.isEmpty || EVP_PKEY_CTX_set1_hkdf_salt(context, salt, Int32(salt.count)) == 1)
      && (purpose.isEmpty
        || EVP_PKEY_CTX_add1_hkdf_info(context, purpose, Int32(purpose.count)) == 1)
    precondition(isReady, "OpenSSL refused the parameters of HKDF")
    return [UInt8](unsafeUninitializedCapacity: count) { output, written in
      written = count
      let isDone = EVP_PKEY_derive(context, output.baseAddress, &written) == 1
      precondition(isDone && written == count, "OpenSSL could not derive a key")
    }
  }
}
