internal import Glibc
internal import Logging

extension Service {
  /// Raises how many files, sockets among them, the process may have open, as far as the system lets it, and says so when
  /// that is not enough.
  ///
  /// The limit is 1,024 on most systems, for programs that wait by `select`; nothing here does.
  ///
  /// - Parameter wanted: How many the service needs; a higher limit stays.
  public func allowOpenFiles(_ wanted: Int) {
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(kind, &limit) == 0, limit.rlim_cur < rlim_t(wanted) else { return }
    limit.rlim_cur = min(rlim_t(wanted), limit.rlim_max)
    guard setrlimit(kind, &limit) == 0, limit.rlim_cur >= rlim_t(wanted) else {
      log.warning(
        "fewer files may be open than can be needed; raise the hard limit (ulimit -Hn)",
        metadata: ["limit": "\(limit.rlim_cur)", "needed": "\(wanted)"]
      )
      return
    }
  }
}
