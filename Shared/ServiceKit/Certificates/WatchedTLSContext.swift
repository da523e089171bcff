public import EventLoop
public import Faults
public import Logging
public import TLS

/// A TLS context made from files, renewed by itself when the files change: certificates are replaced
/// without a restart, and connections that are open stay as they are.
@EventLoop
public final class WatchedTLSContext {
  /// How often the files are looked at: a `stat` call for each.
  ///
  /// Certificates are renewed days before they expire, so there is no hurry.
  public static let pollInterval = Duration.seconds(10)

  /// The context; the same object for good.
  public let context: TLSContext

  private let files: TLSFiles
  private let use: TLSFiles.Use
  private let applicationProtocols: [String]
  private let log: Logger
  private var loaded: TLSFiles.Version
  private var refused: TLSFiles.Version?
  private var timer: LoopTimer?

  /// Loads the files and begins to watch them.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when a file cannot be read, or its content is refused as
  ///   `TLSContext` says.
  public init(
    _ files: TLSFiles,
    use: TLSFiles.Use,
    applicationProtocols: [String],
    log: Logger,
    pollInterval: Duration = WatchedTLSContext.pollInterval
  ) throws(Fault) {
    self.files = files
    self.use = use
    self.applicationProtocols = applicationProtocols
    self.log = log
    // Before reading: a change in between is then seen as a change.
    loaded = files.version()
    context = try TLSContext(files.configuration(use, applicationProtocols: applicationProtocols))
    timer = LoopTimer(every: pollInterval) { [weak self] in self?.reloadIfChanged() }
  }

  /// Ends the watching; the context stays usable.
  public func stop() {
    timer?.cancel()
    timer = nil
  }

  /// Loads the files anew if they have changed, without waiting for the next look.
  public func reloadIfChanged() {
    let version = files.version()
    guard version != loaded, version != refused else { return }
    do throws(Fault) {
      try context.reload(files.configuration(use, applicationProtocols: applicationProtocols))
      loaded = version
      refused = nil
      log.info("loaded changed certificates", metadata: ["certificate": "\(names)"])
    } catch {
      // Perhaps one file was replaced and the other follows; that changes the version again.
      refused = version
      log.warning(
        "changed certificates are refused; the previous ones stay in use",
        error: error,
        metadata: ["certificate": "\(names)"]
      )
    }
  }

  private var names: String { files.identities.map(\.certificate).joined(separator: ",") }
}
