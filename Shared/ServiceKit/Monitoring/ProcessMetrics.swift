internal import EventLoop
internal import Glibc
internal import Metrics

/// What the kernel tells of this process, under the names that Prometheus's own libraries use.
///
/// Source: `proc(5)`, `/proc/[pid]/stat`; Prometheus, "Writing client libraries", "Process metrics".
struct ProcessMetrics {
  private static let processor = Metric(
    "process_cpu_seconds_total",
    .counter,
    "Time of a processor that the process has used, in seconds."
  )
  private static let resident = Metric(
    "process_resident_memory_bytes",
    .gauge,
    "Memory that is in use, in bytes."
  )
  private static let virtual = Metric(
    "process_virtual_memory_bytes",
    .gauge,
    "Addresses that are in use, in bytes."
  )
  private static let started = Metric(
    "process_start_time_seconds",
    .gauge,
    "When the process began, in seconds since 1970."
  )
  private static let openFiles = Metric(
    "process_open_fds",
    .gauge,
    "File descriptors that are open."
  )
  private static let openFilesMax = Metric(
    "process_max_fds",
    .gauge,
    "File descriptors that may be open."
  )

  @EventLoop
  func collect(into exposition: inout Exposition) {
    // utime and stime are the fields 14 and 15, starttime 22, vsize 23 and rss 24; the first three end at the name, which
    // may hold anything.
    let text = ProcessMetrics.read("/proc/self/stat")
    let fields =
      text.split(separator: ")").last?.split(separator: " ").map { Double($0) ?? 0 } ?? []
    if fields.count > 21 {
      let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
      exposition.add(Self.processor, (fields[11] + fields[12]) / ticks)
      exposition.add(Self.resident, fields[21] * Double(sysconf(Int32(_SC_PAGESIZE))))
      exposition.add(Self.virtual, fields[20])
      exposition.add(Self.started, ProcessMetrics.bootSeconds + fields[19] / ticks)
    }
    exposition.add(Self.openFiles, ProcessMetrics.openFileCount)
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      exposition.add(Self.openFilesMax, Int(clamping: limit.rlim_cur))
    }
  }

  /// When the machine began, in seconds since 1970; the time from which the kernel counts.
  private static let bootSeconds: Double = {
    let line = read("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
    return line.flatMap { Double($0.dropFirst(6)) } ?? 0
  }()

  private static var openFileCount: Int {
    guard let folder = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(folder) }
    // Itself, `.` and `..` are in the list.
    var count = -3
    while readdir(folder) != nil { count += 1 }
    return count
  }

  /// A file of the kernel's, which is there at once; at most so much of it as is of use.
  private static func read(_ path: String) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16 * 1024)
    while bytes.count < 256 * 1024 {
      let count = Glibc.read(descriptor, &piece, piece.count)
      guard count > 0 else { break }
      bytes.append(contentsOf: piece[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
