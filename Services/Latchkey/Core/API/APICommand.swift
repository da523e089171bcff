internal import EventLoop
internal import Faults
internal import Logging
internal import Primitives
internal import ServiceKit

/// What all commands have in common that call the REST API.
@EventLoop
enum APICommand {
  /// Connects, does it, and says what went wrong if something did.
  ///
  /// - Returns: The exit status: 0 when it was done, else 1.
  static func run(
    _ place: APIPlace,
    isAnonymous: Bool = false,
    _ body: @EventLoop (APIClient, Console) async throws(Fault) -> Void
  ) async -> Int32 {
    let console = Console()
    // What fails is told by the faults.
    LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
    do throws(Fault) {
      let client = try await APIClient.connect(place, isAnonymous: isAnonymous)
      defer { client.close() }
      try await body(client, console)
      return 0
    } catch {
      console.complain(error)
      return 1
    }
  }

  /// An id that is to stand in a path.
  static func id(_ text: String) throws(Fault) -> String {
    guard let id = UUID(text) else { throw Fault(.invalidArgument, "\(text) is no id") }
    return id.description
  }

  /// A text file, or standard input for `-`.
  static func text(of path: String) throws(Fault) -> String {
    let bytes = try SettingsFile.read(path == "-" ? "/dev/stdin" : path)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Fault(.failedPrecondition, "\(path) is not UTF-8")
    }
    return text
  }
}

extension Console {
  /// Says JSON text, on a line.
  func say(json: [UInt8]) { say(String(decoding: json, as: UTF8.self)) }
}
