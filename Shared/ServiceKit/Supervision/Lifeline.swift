public import Faults
internal import Glibc

/// The pipe that tells child processes that we are gone.
///
/// Children get the reading end and nothing is ever written. The writing end is ours alone, so the
/// kernel closes it when this process ends, even by `kill -9`; each child then reads the end of the
/// pipe and stops.
public final class Lifeline: Sendable {
  /// What children inherit.
  public let reading: Int32
  private let writing: Int32

  /// Makes the pipe.
  ///
  /// - Throws: ``Fault`` `unavailable` when the process has no descriptors left.
  public init() throws(Fault) {
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
