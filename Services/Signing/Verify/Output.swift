internal import Glibc

/// Where the command writes.
enum Output {
  /// Writes to standard output.
  static func write(_ text: String) { put(Array(text.utf8), to: STDOUT_FILENO) }

  /// Writes a line to standard output.
  static func write(line: [UInt8]) { put(line + [0x0a], to: STDOUT_FILENO) }

  /// Writes to standard error.
  static func complain(_ text: String) { put(Array(text.utf8), to: STDERR_FILENO) }

  private static func put(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        // Nobody reads: there is nobody to tell, and an answer that did not arrive must not look like success.
        exit(ExitStatus.usage)
      }
    }
  }
}
