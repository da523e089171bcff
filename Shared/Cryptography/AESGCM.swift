private import COpenSSL
private import Synchronization

/// AES-256-GCM under one key: keeps bytes secret, and refuses them when they or what they are bound
/// to were changed.
///
/// A nonce is made at random for each message, so one key must not seal more than 2^32 messages
/// (NIST SP 800-38D, section 8.3); a data key of one account stays far below that.
public final class AESGCM: Sendable {
  /// The number of bytes of a key.
  public static let keyByteCount = 32
  /// The number of bytes of a nonce.
  public static let nonceByteCount = 12
  /// The number of bytes of the authentication tag.
  public static let tagByteCount = 16
  /// What sealing adds to a message: nonce and tag.
  public static let overheadByteCount = nonceByteCount + tagByteCount
  /// The longest message.
  ///
  /// Rows are far smaller; this keeps every length within a C `int`.
  public static let messageBytesMax = 1 << 26

  private let context: Mutex<CipherContext>

  /// Prepares a key of exactly ``keyByteCount`` bytes.
  public convenience init(key: SecretBytes) {
    self.init(context: key.withUnsafeBytes { CipherContext(key: $0) })
  }

  /// Prepares a key of exactly ``keyByteCount`` bytes that lives shortly; the caller wipes its copy.
  public convenience init(key: [UInt8]) {
    self.init(context: key.span.withUnsafeBytes { CipherContext(key: $0) })
  }

  private init(context: consuming CipherContext) {
    self.context = Mutex(context)
  }

  /// Seals a message of up to ``messageBytesMax`` bytes.
  ///
  /// - Parameters:
  ///   - message: The bytes to keep secret.
  ///   - associatedData: What the message belongs to; opening needs the same bytes.
  /// - Returns: Nonce, ciphertext and tag in one.
  public func seal(_ message: UnsafeRawBufferPointer, associatedData: [UInt8]) -> [UInt8] {
    seal(message, nonce: SecureRandom.bytes(Self.nonceByteCount), associatedData: associatedData)
  }

  /// Seals with a given nonce, which published vectors need; the same nonce twice under one key
  /// gives the key away, so nothing else may use this.
  package func seal(
    _ message: UnsafeRawBufferPointer,
    nonce: [UInt8],
    associatedData: [UInt8]
  ) -> [UInt8] {
    precondition(nonce.count == Self.nonceByteCount, "a nonce has 12 bytes")
    precondition(message.count <= Self.messageBytesMax, "the message is too long to seal")
    let count = message.count + Self.overheadByteCount
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      _ = buffer.update(fromContentsOf: nonce)
      context.withLock {
        $0.seal(
          message,
          nonce: nonce,
          associatedData: associatedData,
          into: UnsafeMutableBufferPointer(rebasing: buffer[Self.nonceByteCount..<count])
        )
      }
      initialized = count
    }
  }

  /// Opens what ``seal(_:associatedData:)`` gave.
  ///
  /// - Parameters:
  ///   - sealed: Nonce, ciphertext and tag.
  ///   - associatedData: The bytes it was sealed with.
  /// - Returns: The message; nil when anything was changed, cut or sealed under another key.
  public func open(_ sealed: UnsafeRawBufferPointer, associatedData: [UInt8]) -> [UInt8]? {
    let count = sealed.count - Self.overheadByteCount
    guard (0...Self.messageBytesMax).contains(count) else { return nil }
    var isAuthentic = false
    var message = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      isAuthentic = context.withLock {
        $0.open(sealed.bindMemory(to: UInt8.self), associatedData: associatedData, into: buffer)
      }
      initialized = count
    }
    guard isAuthentic else {
      // GCM decrypts before it knows; nobody may see that.
      wipe(&message)
      return nil
    }
    return message
  }
}

/// The implementation of AES-256-GCM, looked up once: OpenSSL would do so for each key.
///
/// `@unchecked Sendable`: OpenSSL's methods are read only once they are there.
private struct Cipher: @unchecked Sendable {
  static let shared = Cipher()
  let cipher: OpaquePointer

  private init() {
    guard let cipher = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil) else {
      preconditionFailure("OpenSSL has no AES-256-GCM")
    }
    self.cipher = cipher
  }
}

/// Owns an OpenSSL cipher context that keeps its key; OpenSSL wipes the key when it is freed.
///
/// `@unchecked Sendable`: it has one owner, and every use is exclusive (`mutating`).
private struct CipherContext: ~Copyable, @unchecked Sendable {
  private let context: OpaquePointer

  init(key: UnsafeRawBufferPointer) {
    precondition(key.count == AESGCM.keyByteCount, "an AES-256 key has 32 bytes")
    let key = key.bindMemory(to: UInt8.self).baseAddress
    guard let context = EVP_CIPHER_CTX_new(),
      EVP_CipherInit_ex2(context, Cipher.shared.cipher, key, nil, 1, nil) == 1
    else { preconditionFailure("OpenSSL has no AES-256-GCM") }
    self.context = context
  }

  deinit {
    EVP_CIPHER_CTX_free(context)
  }

  /// Writes ciphertext and tag.
  ///
  /// Each call returns 1, or 0 when memory runs out.
  mutating func seal(
    _ message: UnsafeRawBufferPointer,
    nonce: [UInt8],
    associatedData: [UInt8],
    into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    let message = message.bindMemory(to: UInt8.self)
    let tag = UnsafeMutableBufferPointer(rebasing: output[message.count...])
    var count: Int32 = 0
    let isDone =
      EVP_CipherInit_ex2(context, nil, nil, nonce, 1, nil) == 1
      && add(associatedData)
      && (message.isEmpty
        || EVP_CipherUpdate(
          context,
          output.baseAddress,
          &count,
          message.baseAddress,
          Int32(message.count)
        ) == 1)
      && EVP_CipherFinal_ex(context, tag.baseAddress, &count) == 1
      && EVP_CIPHER_CTX_ctrl(
        context,
        EVP_CTRL_AEAD_GET_TAG,
        Int32(AESGCM.tagByteCount),
        tag.baseAddress
      ) == 1
    precondition(isDone, "OpenSSL could not encrypt")
  }

  /// Writes the message and says whether it is authentic; if not, what was written means nothing.
  mutating func open(
    _ sealed: UnsafeBufferPointer<UInt8>,
    associatedData: [UInt8],
    into output: UnsafeMutableBufferPointer<UInt8>
  ) -> Bool {
    let tagStart = sealed.count - AESGCM.tagByteCount
    let text = UnsafeBufferPointer(rebasing: sealed[AESGCM.nonceByteCount..<tagStart])
    // OpenSSL copies the tag, but takes it through a pointer to mutable memory.
    var tag = [UInt8](sealed[tagStart...])
    var count: Int32 = 0
    let isAuthentic =
      EVP_CipherInit_ex2(context, nil, nil, sealed.baseAddress, 0, nil) == 1
      && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1
      && add(associatedData)
      && (text.isEmpty
        || EVP_CipherUpdate(
          context,
          output.baseAddress,
          &count,
          text.baseAddress,
          Int32(text.count)
        ) == 1)
      && EVP_CipherFinal_ex(context, nil, &count) == 1
    if !isAuthentic { ERR_clear_error() }
    return isAuthentic
  }

  private mutating func add(_ associatedData: [UInt8]) -> Bool {
    guard !associatedData.isEmpty else { return true }
    var count: Int32 = 0
    return EVP_CipherUpdate(context, nil, &count, associatedData, Int32(associatedData.count)) == 1
  }
}
