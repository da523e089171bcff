internal import COpenSSL
internal import Faults

/// Owns an OpenSSL key pair; OpenSSL wipes the private half when it is freed.
struct KeyPair: ~Copyable {
  let pointer: OpaquePointer

  private init(owning pointer: OpaquePointer) {
    self.pointer = pointer
  }

  deinit {
    EVP_PKEY_free(pointer)
  }

  /// Makes a new pair on the curve P-256, which every TLS client supports.
  static func generate() throws(Fault) -> KeyPair {
    let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard EVP_PKEY_keygen_init(context) == 1,
      EVP_PKEY_CTX_set_group_name(context, "P-256") == 1,
      EVP_PKEY_generate(context, &key) == 1, let key
    else { throw OpenSSLFailure.fault("make a key pair") }
    return KeyPair(owning: key)
  }

  /// Reads an unencrypted private key.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when the text is no such key.
  static func read(pem: SecretBytes) throws(Fault) -> KeyPair {
    let key: OpaquePointer? = pem.withUnsafeBytes { bytes in
      let input = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count))
      defer { BIO_free(input) }
      // Without this, OpenSSL would ask the terminal for the passphrase of an encrypted key.
      let refusal:
        @convention(c) (
          UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
        ) -> Int32 = { _, _, _, _ in -1 }
      return PEM_read_bio_PrivateKey(input, nil, refusal, nil)
    }
    guard let key else {
      throw Fault(
        .failedPrecondition,
        "Not an unencrypted private key in PEM",
        detail: OpenSSLFailure.drain()
      )
    }
    return KeyPair(owning: key)
  }

  /// The private key in PEM (PKCS #8), in memory that is wiped.
  func pem() throws(Fault) -> SecretBytes {
    let output = BIO_new(BIO_s_secmem())
    defer { BIO_free(output) }
    guard PEM_write_bio_PKCS8PrivateKey(output, pointer, nil, nil, 0, nil, nil) == 1 else {
      throw OpenSSLFailure.fault("write a private key")
    }
    let count = BIO_ctrl_pending(output)
    guard count > 0 else { throw OpenSSLFailure.fault("write a private key") }
    return SecretBytes(count: count) { memory in
      let read = BIO_read(output, memory.baseAddress, Int32(memory.count))
      precondition(read == memory.count, "a memory buffer gives all it holds")
    }
  }
}
