internal import Cryptography
public import EventLoop
internal import Faults

/// `latchkey keys generate`: makes a file of master keys.
@EventLoop
public enum GenerateMasterKeys {
  /// Does it.
  ///
  /// - Parameter path: Where the file shall be; nothing may be there yet.
  /// - Returns: The exit status: zero when the file was made.
  public static func run(path: String) async -> Int32 {
    let console = Console()
    do throws(Fault) {
      let keys = try MasterKeys.generate(path: path)
      console.say(
        """
        Made \(path) with version \(keys.activeVersion), for its owner alone (mode 0600).
        Keep a copy apart from the database and its backups: without it nothing that is encrypted can be read again.
        """
      )
      return 0
    } catch {
      console.complain(error)
      return 1
    }
  }
}
