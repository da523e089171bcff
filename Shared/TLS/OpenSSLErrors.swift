private import COpenSSL

/// The errors OpenSSL left in this thread's queue, oldest first.
struct OpenSSLErrors {
  /// One entry of the queue.
  struct Entry {
    var library: Int32
    var reason: Int32
    var text: String
  }

  var entries: [Entry] = []

  /// Takes everything out of the queue, so that no later call sees a stale error.
  ///
  /// Library and reason are fixed texts of OpenSSL. The free-form data of an entry is left out: it may
  /// hold file names or pieces of input.
  static func drain() -> OpenSSLErrors {
    var errors = OpenSSLErrors()
    while true {
      let code = ERR_get_error()
      if code == 0 { return errors }
      let library = ERR_lib_error_string(code).map { String(cString: $0) } ?? "library"
      let reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
      errors.entries.append(
        Entry(
          library: COpenSSL_ERR_GET_LIB(code),
          reason: COpenSSL_ERR_GET_REASON(code),
          text: "\(library): \(reason)"
        )
      )
    }
  }

  /// Empties the queue; done before each call whose failure is looked at.
  static func clear() {
    ERR_clear_error()
  }

  /// The entry that caused the others, if any.
  var first: Entry? { entries.first }

  /// All entries in one line, for `Fault.detail`.
  var text: String {
    entries.isEmpty ? "no OpenSSL error" : entries.map(\.text).joined(separator: "; ")
  }
}
