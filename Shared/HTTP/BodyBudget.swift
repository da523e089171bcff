internal import EventLoop

/// Bounds what the unfinished request bodies of all connections may hold together.
///
/// Each stream has its window, but thousands of streams that each hold a window full, or a megabyte of a body
/// that never ends, would still fill the memory. Past the bound, further bodies are refused and may be sent again later.
@EventLoop
final class BodyBudget {
  /// Well under the 64 MiB that hostile peers together may cost a process.
  static let bytesMax = 32 * 1024 * 1024

  private var used = 0

  func reserve(_ count: Int) -> Bool {
    guard used + count <= BodyBudget.bytesMax else { return false }
    used += count
    return true
  }

  func release(_ count: Int) { used -= count }
}
