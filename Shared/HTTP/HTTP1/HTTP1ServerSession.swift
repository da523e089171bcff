internal import EventLoop
@EventLoop
final class HTTP1ServerSession: ServerSession {
  init(
    handler: any RequestHandler, limits: HTTPLimits, budget: BodyBudget, origin: RequestOrigin,
    requestFlush: @escaping @EventLoop () -> Void
  ) {}
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool { false }
  func receivedEnd() -> Bool { false }
  func produce(into output: inout [UInt8], target: Int) -> Bool { false }
  func beginDraining() {}
  var openCount: Int { 0 }
  func checkTimeouts(at now: Instant) -> Bool { false }
  func connectionClosed() {}
}
