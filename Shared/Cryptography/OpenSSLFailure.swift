private import COpenSSL
internal import Faults

/// Runs an OpenSSL operation whose failure the world can cause, such as reading PEM.
enum OpenSSLFailure {
  /// A fault for an operation of ours that OpenSSL could not do, with its error queue as detail.
  ///
  /// - Parameter operation: What was tried, such as "issue a certificate".
  /// - Returns: A fault of our own, whose text no caller sees.
  static func fault(_ operation: String) -> Fault {
    .internalError("OpenSSL could not \(operation): \(drain())")
  }

  /// Empties this thread's error queue, so that no later call sees a stale error.
  ///
  /// Library and reason are fixed texts of OpenSSL; an entry's free-form data, which may hold input,
  /// is left out.
  static func drain() -> String {
    var texts: [String] = []
    while case let code = ERR_get_error(), code != 0 {
      let library = ERR_lib_error_string(code).map { String(cString: $0) } ?? "library"
      let reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
      texts.append("\(library): \(reason)")
    }
    return texts.isEmpty ? "no reason given" : texts.joined(separator: "; ")
  }
}
