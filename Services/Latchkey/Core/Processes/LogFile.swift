internal import Faults
internal import Glibc

/// The file that a child's output goes to.
final class LogFile: Sendable {
  /// A log larger than this at the start is put aside, so that it does not grow without end.
  static let bytesMax = 32 << 20

  let path: String
  let descriptor: Int32

  /// Opens a log for appending.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when it cannot be opened.
  init(_ path: String) throws(Fault) {
    var status = stat()
    if stat(path, &status) == 0 && Int(status.st_size) > LogFile.bytesMax {
      rename(path, "\(path).1")
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Files.fault("Cannot open the log \(path)", errno) }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// The last line that says something, for a message about a process that has failed.
  static func lastLine(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let size = lseek(descriptor, 0, SEEK_END)
    var tail = [UInt8](repeating: 0, count: 4096)
    let start = max(0, size - tail.count)
    let count = pread(descriptor, &tail, tail.count, start)
    guard count > 0 else { return nil }
    let lines = String(decoding: tail[..<count], as: UTF8.self).split(separator: "\n")
    return lines.last { line in line.contains { !$0.isWhitespace } }.map(String.init)
  }
}
