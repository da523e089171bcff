internal import CUV

/// Wakes the loop from any thread.
struct Wake: @unchecked Sendable {
  // Unchecked, because `uv_async_send` is libuv's one call that any thread may make.
  private let handle: UnsafeMutablePointer<uv_async_t>

  @EventLoop init(loop: UnsafeMutablePointer<uv_loop_t>, callback: uv_async_cb) {
    handle = .allocate(capacity: 1)
    uv_async_init(loop, handle, callback)
  }

  func send() { uv_async_send(handle) }
}
