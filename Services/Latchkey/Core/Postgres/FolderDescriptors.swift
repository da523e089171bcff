internal import Faults
internal import Glibc

/// The cluster's folder and the socket's, open, for a child to inherit.
final class FolderDescriptors: Sendable {
  /// How a child names them: it gets them as descriptors 3 and 4.
  static let dataPath = "/proc/self/fd/3"
  static let runPath = "/proc/self/fd/4"

  let data: Int32
  let run: Int32

  /// - Throws: ``Fault`` `failedPrecondition` when one cannot be opened.
  init(_ dataPath: String, _ runPath: String) throws(Fault) {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
    data = open(dataPath, flags)
    guard data >= 0 else { throw Files.fault("Cannot open \(dataPath)", errno) }
    run = open(runPath, flags)
    guard run >= 0 else {
      let code = errno
      close(data)
      throw Files.fault("Cannot open \(runPath)", code)
    }
  }

  deinit {
    close(data)
    close(run)
  }
}
