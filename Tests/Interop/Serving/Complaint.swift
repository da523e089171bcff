internal import Glibc

/// Writes one line to standard error, which test executables are given for what went wrong.
public func complain(_ sentence: String) {
  let line = Array("\(sentence)\n".utf8)
  line.withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
