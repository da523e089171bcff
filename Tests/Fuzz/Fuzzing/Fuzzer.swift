internal import CFuzzer
internal import Glibc
internal import Synchronization

/// Runs libFuzzer over a function; the arguments of the process are libFuzzer's.
public enum Fuzzer {
  /// What is tried, where libFuzzer's C callback finds it.
  private static let test = Mutex<(@Sendable (UnsafeRawBufferPointer) -> Void)?>(nil)

  /// Tries inputs until libFuzzer has had enough, then ends the process.
  ///
  /// - Parameter body: Traps on a finding. It is given the bytes of one input.
  public static func run(_ body: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) -> Never {
    test.withLock { $0 = body }
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    let status = LLVMFuzzerRunDriver(&count, &arguments) { data, size in
      let body = Fuzzer.test.withLock { $0 }
      body?(UnsafeRawBufferPointer(start: data, count: size))
      return 0
    }
    exit(status)
  }
}
