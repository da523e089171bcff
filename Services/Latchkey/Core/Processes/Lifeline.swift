internal import Faults
internal import Glibc

/// The pipe that tells services that we are gone.
///
/// Services get the reading end and nothing is ever written. The writing end is ours alone, so the
/// kernel closes it when this process ends, even by `kill -9`; each service then reads the end of the
/// pipe and stops.
final class Lifeline: Sendable {
  /// What services inherit.
  let reading: Int32
  private let writing: Int32

  /// - Throws: ``Fault`` `unavailable` when the process has no descriptors left.
  init() throws(Fault) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else {
      throw .unavailable("No pipe can be made: \(String(cString: strerror(errno)))")
    }
    (reading, writing) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  deinit {
    close(writing)
    close(reading)
  }
}
