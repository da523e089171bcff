internal import EventLoop
internal import Faults

/// Renews the certificates of a deployment in time, while it runs.
@EventLoop
final class CertificateRenewal {
  /// How often they are looked at.
  private static let interval = Duration.seconds(3_600)

  private let console: Console
  private let prepare: @EventLoop () throws(Fault) -> [String]
  private var timer: LoopTimer?

  /// - Parameters:
  ///   - console: Where it is told.
  ///   - prepare: Renews what must be, and says what that was.
  init(_ console: Console, _ prepare: @escaping @EventLoop () throws(Fault) -> [String]) {
    self.console = console
    self.prepare = prepare
  }

  /// Looks now, since it may not have run for long, and from now on.
  func start() {
    renew()
    timer = LoopTimer(every: Self.interval) { [self] in renew() }
  }

  /// Looks no more.
  func stop() {
    timer?.cancel()
    timer = nil
  }

  private func renew() {
    do throws(Fault) {
      // The services notice changed files by themselves.
      let renewed = try prepare()
      if !renewed.isEmpty {
        console.say("renewed certificates: \(renewed.joined(separator: ", "))")
      }
    } catch {
      console.say("certificates could not be renewed: \(error.message)")
    }
  }
}
