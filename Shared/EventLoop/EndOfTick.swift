extension EventLoop {
  /// Has `flushable` flushed once at the end of this tick, when all jobs have run: for work that is cheaper done
  /// together.
  ///
  /// The caller makes sure that it asks once.
  @EventLoop
  public static func atEndOfTick(_ flushable: any Flushable) { reactor.markDirty(flushable) }
}
