private import COpenSSL
private import Synchronization

/// HMAC with SHA-256 under one key, prepared once and used for any number of messages.
///
/// Making one costs a few microseconds; each message after that about as much as hashing it, with
/// no look-up of an algorithm and no allocation but the result's. Every validation answer is signed
/// by one of these.
/// Source: RFC 2104 and FIPS 198-1.
public final class HMACSHA256: Sendable {
  /// The number of bytes of a code.
  public static let byteCount = 32

  private let context: Mutex<KeyedContext>

  /// Prepares a key of at least one byte; the caller's copy may be wiped afterwards.
  public convenience init(key: [UInt8]) {
    self.init(context: key.span.withUnsafeBytes { KeyedContext(key: $0) })
  }

  /// Prepares a key.
  public convenience init(key: SecretBytes) {
    self.init(context: key.withUnsafeBytes { KeyedContext(key: $0) })
  }

  private init(context: consuming KeyedContext) {
    self.context = Mutex(context)
  }

  /// The code of the parts, taken as one message without anything between them.
  public func authenticate(_ parts: [UInt8]...) -> [UInt8] {
    code { context in
      context.begin()
      for part in parts { part.withUnsafeBytes { context.add($0) } }
    }
  }

  /// Lends the code of two parts, taken as one message without anything between them; no memory is taken for it, as
  /// every validation is signed.
  public func withCode<Result>(
    of first: UnsafeRawBufferPointer,
    _ second: UnsafeRawBufferPointer,
    _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: HMACSHA256.byteCount) { code in
      context.withLock { context in
        context.begin()
        context.add(first)
        context.add(second)
        context.finish(into: code)
      }
      return body(UnsafeRawBufferPointer(code))
    }
  }

  private func code(of feed: (inout KeyedContext) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: HMACSHA256.byteCount) { buffer, count in
      context.withLock { context in
        feed(&context)
        context.finish(into: buffer)
      }
      count = HMACSHA256.byteCount
    }
  }

  /// Whether `code` belongs to the parts, compared in constant time.
  public func isValid(_ code: [UInt8], for parts: [UInt8]...) -> Bool {
    let expected = self.code { context in
      context.begin()
      for part in parts { part.withUnsafeBytes { context.add($0) } }
    }
    return constantTimeEquals(expected, code)
  }
}

/// Owns an OpenSSL MAC context that keeps its key; OpenSSL wipes the key when it is freed.
///
/// `@unchecked Sendable`: it has one owner, and every use is exclusive (`mutating`).
private struct KeyedContext: ~Copyable, @unchecked Sendable {
  private let context: OpaquePointer

  init(key: UnsafeRawBufferPointer) {
    precondition(!key.isEmpty, "an HMAC key has at least one byte")
    let algorithm = EVP_MAC_fetch(nil, "HMAC", nil)
    // The context holds the algorithm from here on.
    defer { EVP_MAC_free(algorithm) }
    guard let context = EVP_MAC_CTX_new(algorithm) else {
      preconditionFailure("OpenSSL has no HMAC")
    }
    self.context = context
    var digest = Array("SHA256".utf8CString)
    let isReady = digest.withUnsafeMutableBufferPointer { digest in
      let parameters = [
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.baseAddress, 0),
        OSSL_PARAM_construct_end(),
      ]
      return EVP_MAC_init(context, key.baseAddress, key.count, parameters) == 1
    }
    precondition(isReady, "OpenSSL refused an HMAC key")
  }

  deinit {
    EVP_MAC_CTX_free(context)
  }

  /// Starts a message under the same key.
  mutating func begin() {
    // No key means the key there is. Returns 1, or 0 when memory runs out.
    precondition(EVP_MAC_init(context, nil, 0, nil) == 1, "OpenSSL could not begin an HMAC")
  }

  /// Adds bytes to the message.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
    precondition(
      EVP_MAC_update(context, base, bytes.count) == 1,
      "OpenSSL could not add to an HMAC"
    )
  }

  /// Ends the message and writes its code.
  mutating func finish(into output: UnsafeMutableBufferPointer<UInt8>) {
    var count = 0
    let isDone = EVP_MAC_final(context, output.baseAddress, &count, HMACSHA256.byteCount) == 1
    precondition(isDone && count == HMACSHA256.byteCount, "OpenSSL could not finish an HMAC")
  }
}
