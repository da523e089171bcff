internal import Glibc

/// Ends the process at once, without running exit handlers: for when stopping in order has failed.
public func endProcess(status: Int32) {
  _exit(status)
}
