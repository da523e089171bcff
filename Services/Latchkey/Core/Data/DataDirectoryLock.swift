internal import Faults
internal import Glibc

/// The lock that `latchkey up` holds on its data directory for as long as it lives.
///
/// The kernel lets go of it when the process ends, however it ends, so it never has to be cleaned up.
/// Children do not inherit it.
final class DataDirectoryLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when another process holds it.
  init(_ directory: DataDirectory) throws(Fault) {
    let descriptor = open(directory.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Files.fault("Cannot lock \(directory.path)", errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      let holder = DataDirectoryLock.text(of: directory)
      throw Fault(
        .failedPrecondition,
        "Latchkey already runs in \(directory.path) (process \(holder ?? "unknown"));"
          + " stop it with: latchkey down --data-dir \(directory.path)"
      )
    }
    self.descriptor = descriptor
    ftruncate(descriptor, 0)
    let text = Array("\(getpid())\n".utf8)
    guard pwrite(descriptor, text, text.count, 0) == text.count else {
      throw Files.fault("Cannot write \(directory.lock)", errno)
    }
  }

  deinit { close(descriptor) }

  /// The process that holds the lock now; nil when none does.
  static func holder(of directory: DataDirectory) -> pid_t? {
    let descriptor = open(directory.lock, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    // Closing lets go of the lock again, in case we got it.
    defer { close(descriptor) }
    guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
    return text(of: directory).flatMap { pid_t($0) }
  }

  private static func text(of directory: DataDirectory) -> String? {
    guard let text = try? Files.read(directory.lock), let line = text.split(separator: "\n").first
    else { return nil }
    return String(line)
  }
}
