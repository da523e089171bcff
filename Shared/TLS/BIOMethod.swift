private import COpenSSL
internal import Faults

/// The table of callbacks through which OpenSSL reads ciphertext from and writes it to a ``TLSSession``.
///
/// Unlike OpenSSL's own memory BIO it keeps no bytes: reads come from the caller's buffer and writes go
/// to the caller's array, each copied once.
final class BIOMethod {
  /// OpenSSL's `BIO_METHOD *`, alive as long as this object; BIOs made of it must not outlive it.
  private let pointer: OpaquePointer

  init() throws(Fault) {
    OpenSSLErrors.clear()
    guard let pointer = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "TLSSession") else {
      throw .internalError("BIO_meth_new: \(OpenSSLErrors.drain().text)")
    }
    BIO_meth_set_create(pointer) { bio in
      BIO_set_init(bio, 1)
      return 1
    }
    BIO_meth_set_read_ex(pointer, readCiphertext)
    BIO_meth_set_write_ex(pointer, writeCiphertext)
    BIO_meth_set_ctrl(pointer) { _, command, _, _ in
      // Nothing is buffered here, so a flush is done at once; every other command is not ours.
      command == BIO_CTRL_FLUSH ? 1 : 0
    }
    self.pointer = pointer
  }

  deinit {
    BIO_meth_free(pointer)
  }

  /// Joins an `SSL` to its session; the `SSL` owns the BIO and must be freed before the session is gone.
  func attach(_ ssl: OpaquePointer, to session: TLSSession) throws(Fault) {
    guard let bio = BIO_new(pointer) else {
      throw .internalError("BIO_new: \(OpenSSLErrors.drain().text)")
    }
    BIO_set_data(bio, Unmanaged.passUnretained(session).toOpaque())
    // One BIO for both directions: this takes over the single reference.
    SSL_set_bio(ssl, bio, bio)
  }
}

private typealias Session = Unmanaged<TLSSession>

private func readCiphertext(
  _ bio: OpaquePointer?,
  _ buffer: UnsafeMutablePointer<CChar>?,
  _ size: Int,
  _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
  guard let bio, let context = BIO_get_data(bio), let buffer, let count else { return 0 }
  COpenSSL_BIO_clear_retry_flags(bio)
  let target = UnsafeMutableRawBufferPointer(start: buffer, count: size)
  count.pointee = Session.fromOpaque(context).takeUnretainedValue().copyInput(to: target)
  if count.pointee > 0 { return 1 }
  // The caller's buffer is used up: OpenSSL reports "want read" and goes on with the next one.
  COpenSSL_BIO_set_retry_read(bio)
  return 0
}

private func writeCiphertext(
  _ bio: OpaquePointer?,
  _ buffer: UnsafePointer<CChar>?,
  _ size: Int,
  _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
  guard let bio, let context = BIO_get_data(bio), let buffer, let count else { return 0 }
  COpenSSL_BIO_clear_retry_flags(bio)
  Session.fromOpaque(context).takeUnretainedValue()
    .appendOutput(UnsafeRawBufferPointer(start: buffer, count: size))
  count.pointee = size
  return 1
}
