internal import EventLoop
public import Testing

/// Gives a test's task the loop as its preferred executor, as all tasks of the program have it.
///
/// Annotate each test with `@EventLoop` as well; the suite itself must not be, since the macros then fail.
public struct OnLoopTrait: SuiteTrait, TestTrait, TestScoping {
  /// Every test of the suite gets it.
  public let isRecursive = true

  /// Runs the test with the preference.
  public func provideScope(
    for test: Test,
    testCase: Test.Case?,
    performing body: @Sendable @concurrent () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(EventLoop.shared) { try await body() }
  }
}

extension Trait where Self == OnLoopTrait {
  /// Runs on the event loop.
  public static var onLoop: OnLoopTrait { OnLoopTrait() }
}
