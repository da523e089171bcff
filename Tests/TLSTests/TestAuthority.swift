import COpenSSL
import Cryptography
import TLS
import Testing

/// A certificate authority of a test, free to issue what a proper one never would.
final class TestAuthority {
  enum KeyKind {
    case p256
    case rsa(bits: Int32)
  }

  /// The authority's own certificate, what a peer trusts.
  let pem: [UInt8]
  private let key: TestKey
  private let certificate: OpaquePointer

  init(name: String = "Test authority \(UInt64.random(in: 0...UInt64.max))") throws {
    key = try TestKey(.p256)
    certificate = try #require(X509_new())
    try Self.describe(
      certificate,
      subject: name,
      issuer: name,
      key: key,
      from: -3_600,
      until: 3_600
    )
    try Self.extend(
      certificate,
      issuer: certificate,
      [
        (NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign"),
        (NID_subject_key_identifier, "hash"),
      ]
    )
    try #require(X509_sign(certificate, key.pointer, EVP_sha256()) > 0)
    pem = try Self.text { [certificate] in PEM_write_bio_X509($0, certificate) }
  }

  deinit {
    X509_free(certificate)
  }

  /// Issues a certificate.
  ///
  /// `names` are the alternative names in OpenSSL's form, such as `DNS:keys,IP:127.0.0.1`; `from` and
  /// `until` bound its validity, in seconds from now.
  func issue(
    _ names: String?,
    key kind: KeyKind = .p256,
    from: Int = -3_600,
    until: Int = 3_600,
    usage: String = "serverAuth,clientAuth"
  ) throws -> TLSIdentity {
    let key = try TestKey(kind)
    let leaf = try #require(X509_new())
    defer { X509_free(leaf) }
    try Self.describe(
      leaf,
      subject: "common-name.test",
      issuer: nil,
      key: key,
      from: from,
      until: until
    )
    X509_set_issuer_name(leaf, X509_get_subject_name(certificate))
    var extensions = [(NID_ext_key_usage, usage), (NID_basic_constraints, "critical,CA:FALSE")]
    if let names { extensions.append((NID_subject_alt_name, names)) }
    try Self.extend(leaf, issuer: certificate, extensions)
    try #require(X509_sign(leaf, self.key.pointer, EVP_sha256()) > 0)
    return TLSIdentity(
      certificateChain: try Self.text { PEM_write_bio_X509($0, leaf) },
      privateKey: try key.secretPEM()
    )
  }

  private static func describe(
    _ certificate: OpaquePointer,
    subject: String,
    issuer: String?,
    key: TestKey,
    from: Int,
    until: Int
  ) throws {
    X509_set_version(certificate, 2)
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int.random(in: 1...Int(Int32.max)))
    X509_gmtime_adj(X509_getm_notBefore(certificate), from)
    X509_gmtime_adj(X509_getm_notAfter(certificate), until)
    try #require(X509_set_pubkey(certificate, key.pointer) == 1)
    X509_NAME_add_entry_by_txt(
      X509_get_subject_name(certificate),
      "CN",
      MBSTRING_UTF8,
      subject,
      -1,
      -1,
      0
    )
    if issuer != nil {
      X509_set_issuer_name(certificate, X509_get_subject_name(certificate))
    }
  }

  private static func extend(
    _ certificate: OpaquePointer,
    issuer: OpaquePointer,
    _ extensions: [(Int32, String)]
  ) throws {
    var context = X509V3_CTX()
    X509V3_set_ctx(&context, issuer, certificate, nil, nil, 0)
    for (kind, value) in extensions {
      let item = try #require(X509V3_EXT_conf_nid(nil, &context, kind, value))
      X509_add_ext(certificate, item, -1)
      X509_EXTENSION_free(item)
    }
  }

  /// What `write` puts into a memory BIO.
  static func text(_ write: (OpaquePointer) -> Int32) throws -> [UInt8] {
    let bio = try #require(BIO_new(BIO_s_mem()))
    defer { BIO_free(bio) }
    try #require(write(bio) == 1)
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = BIO_read(bio, &bytes, Int32(bytes.count))
    return Array(bytes.prefix(Int(count)))
  }
}

/// A key pair of a test.
final class TestKey {
  let pointer: OpaquePointer

  init(_ kind: TestAuthority.KeyKind) throws {
    var key: OpaquePointer?
    let context: OpaquePointer
    switch kind {
    case .p256:
      context = try #require(EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil))
      EVP_PKEY_keygen_init(context)
      EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1)
    case .rsa(let bits):
      context = try #require(EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil))
      EVP_PKEY_keygen_init(context)
      EVP_PKEY_CTX_set_rsa_keygen_bits(context, bits)
    }
    defer { EVP_PKEY_CTX_free(context) }
    try #require(EVP_PKEY_keygen(context, &key) == 1)
    pointer = try #require(key)
  }

  deinit {
    EVP_PKEY_free(pointer)
  }

  /// The key as an identity takes it.
  func secretPEM(passphrase: String? = nil) throws -> SecretBytes {
    var bytes = try pem(passphrase: passphrase)
    return SecretBytes(wiping: &bytes)
  }

  /// The key in PEM; with a pass phrase, encrypted.
  func pem(passphrase: String? = nil) throws -> [UInt8] {
    try TestAuthority.text { bio in
      guard let passphrase else {
        return PEM_write_bio_PrivateKey(bio, pointer, nil, nil, 0, nil, nil)
      }
      return PEM_write_bio_PKCS8PrivateKey(
        bio,
        pointer,
        EVP_aes_256_cbc(),
        passphrase,
        Int32(passphrase.utf8.count),
        nil,
        nil
      )
    }
  }
}
