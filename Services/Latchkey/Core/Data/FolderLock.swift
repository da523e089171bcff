internal import Faults
internal import Glibc

/// Keeps other processes from changing the files of a folder, for a moment; they wait.
///
/// The kernel lets go of it when the process ends, however it ends.
final class FolderLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock, once nobody else has it.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when the folder cannot be opened.
  init(_ folder: String) throws(Fault) {
    descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Files.fault("Cannot open the folder \(folder)", errno) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else {
        let code = errno
        close(descriptor)
        throw Files.fault("Cannot lock the folder \(folder)", code)
      }
    }
  }

  deinit { close(descriptor) }
}
