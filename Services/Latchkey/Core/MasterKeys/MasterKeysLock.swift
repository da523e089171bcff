internal import Faults
internal import Glibc

/// Held while a file of master keys is changed: one process at a time does.
///
/// It is a lock on the file's folder, so that nothing is left behind, and ends with the process.
final class MasterKeysLock {
  private let descriptor: Int32

  /// - Throws: ``Fault`` `failedPrecondition` when another process holds it.
  init(_ path: String) throws(Fault) {
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Files.fault("Cannot open the folder \(folder)", errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw Fault(
        .failedPrecondition,
        "Another process changes the master keys in \(folder); wait until it has ended"
      )
    }
  }

  deinit { close(descriptor) }
}
