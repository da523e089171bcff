internal import EventLoop
internal import Faults
internal import Glibc

/// What the command says: steps while they are worked on, and sentences.
///
/// Everything is written at once, so that whoever watches, a person or a program, sees each step when
/// it begins.
@EventLoop
final class Console {
  /// Where the results of steps line up.
  private static let column = 36

  private let write: @EventLoop (Int32, String) -> Void
  private var isInStep = false

  /// Makes a console.
  ///
  /// - Parameter write: Takes a descriptor and a text; the process's own output if nothing is said.
  init(write: @escaping @EventLoop (Int32, String) -> Void = Console.writeNow) {
    self.write = write
  }

  /// Does one step, saying its name before and its result after it.
  ///
  /// - Parameters:
  ///   - name: What is worked on.
  ///   - work: Returns the result in a few words.
  /// - Throws: What `work` throws.
  func step(
    _ name: String,
    _ work: @EventLoop () async throws(Fault) -> String
  ) async throws(Fault) {
    let dots = String(repeating: ".", count: max(3, Console.column - name.count - 4))
    write(STDOUT_FILENO, "  \(name) \(dots) ")
    isInStep = true
    let start = Instant.now
    do throws(Fault) {
      let result = try await work()
      let time = Console.seconds(Instant.now - start)
      write(STDOUT_FILENO, (isInStep ? "" : "  \(name) \(dots) ") + "\(result)\(time)\n")
      isInStep = false
    } catch {
      if isInStep { write(STDOUT_FILENO, error.code == .cancelled ? "stopped\n" : "failed\n") }
      isInStep = false
      throw error
    }
  }

  /// Says a line, or several.
  func say(_ text: String = "") {
    endLine()
    write(STDOUT_FILENO, text + "\n")
  }

  /// Says something beside the result, which a pipe or a file may take.
  func note(_ text: String) {
    endLine()
    write(STDERR_FILENO, text + "\n")
  }

  /// Says why the command could not do what it was asked for.
  func complain(_ fault: Fault) {
    endLine()
    write(STDERR_FILENO, "latchkey: \(fault.message)\n")
    if let detail = fault.detail { write(STDERR_FILENO, "latchkey: \(detail)\n") }
  }

  private func endLine() {
    if isInStep { write(STDOUT_FILENO, "\n") }
    isInStep = false
  }

  /// A duration worth telling, as ` (1.2 s)`; empty for what took no time that anybody notices.
  nonisolated static func seconds(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let tenths = seconds * 10 + attoseconds / 100_000_000_000_000_000
    return tenths < 2 ? "" : " (\(tenths / 10).\(tenths % 10) s)"
  }

  private static func writeNow(_ descriptor: Int32, _ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      // Nobody reads any more; that is no reason to stop serving.
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
