internal import EventLoop
internal import Faults

/// Renews the certificates of a deployment in time, while it runs.
@EventLoop
final class CertificateRenewal {
  /// How often they are looked at.
  private static let interval = Duration.seconds(3_600)

  private let prepare: @EventLoop () throws(Fault) -> [String]
  private let tell: @EventLoop (Result<[String], Fault>) -> Void
  private var timer: LoopTimer?

  /// - Parameters:
  ///   - prepare: Renews what must be, and says what that was.
  ///   - tell: Takes what was renewed, where there was anything, or why nothing could be.
  init(
    _ prepare: @escaping @EventLoop () throws(Fault) -> [String],
    tell: @escaping @EventLoop (Result<[String], Fault>) -> Void
  ) {
    self.prepare = prepare
    self.tell = tell
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
      if !renewed.isEmpty { tell(.success(renewed)) }
    } catch {
      tell(.failure(error))
    }
  }
}
