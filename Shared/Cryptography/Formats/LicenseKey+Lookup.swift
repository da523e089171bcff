extension LicenseKey {
  /// The hashes under which the key behind a typed text may be stored, the likelier one first.
  ///
  /// A text of our form may be one of our keys (stored by the hash of its canonical form) or an
  /// imported key that happens to look like one (stored by the hash of its exact text); any other
  /// text can only be an imported one.
  ///
  /// - Parameter text: What a caller sent; its length is limited by whoever received it.
  /// - Returns: One hash, or two different ones.
  public static func lookupHashes(of text: String) -> [[UInt8]] {
    withLookupHashes(of: text) { first, second in
      second.map { [Array(first), Array($0)] } ?? [Array(first)]
    }
  }

  /// Lends the same hashes, which takes no memory: every validation looks a key up.
  ///
  /// - Parameters:
  ///   - text: What a caller sent; its length is limited by whoever received it.
  ///   - body: Gets the likelier hash, and the other one where there is one.
  /// - Returns: What `body` gives.
  public static func withLookupHashes<Result>(
    of text: String,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer?) -> Result
  ) -> Result {
    let byteCount = SHA256.byteCount
    var text = text
    return text.withUTF8 { text in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * byteCount) { hashes in
        let exact = UnsafeMutableBufferPointer(rebasing: hashes[byteCount...])
        SHA256.hash(UnsafeRawBufferPointer(text), into: exact)
        return withCanonicalBytes(of: text) { canonical in
          guard let canonical, !canonical.elementsEqual(text) else {
            return body(UnsafeRawBufferPointer(exact), nil)
          }
          let first = UnsafeMutableBufferPointer(rebasing: hashes[..<byteCount])
          SHA256.hash(UnsafeRawBufferPointer(canonical), into: first)
          return body(UnsafeRawBufferPointer(first), UnsafeRawBufferPointer(exact))
        }
      }
    }
  }

  /// The secret from which an offline license file's payload key comes, 32 bytes; wipe it after use.
  ///
  /// Whoever has the license key can derive it, in canonical form where the text has one, else from
  /// the exact text. It is sealed when the license is made, so that files can be made without the
  /// key. The secret of an imported key is as easy to guess as that key.
  public static func fileSecret(of text: String) -> [UInt8] {
    precondition(!text.isEmpty, "a license key has at least one character")
    let purpose = Array("latchkey license file secret 1".utf8)
    return withCanonicalBytes(of: text) { canonical in
      if let canonical {
        return HKDF.derive(from: UnsafeRawBufferPointer(canonical), purpose: purpose, count: 32)
      }
      var text = text
      return text.withUTF8 {
        HKDF.derive(from: UnsafeRawBufferPointer($0), purpose: purpose, count: 32)
      }
    }
  }

  /// The secret from which an offline license file's payload key comes, 32 bytes; wipe it after use.
  public var fileSecret: [UInt8] { LicenseKey.fileSecret(of: text) }
}
