internal import EventLoop
internal import Postgres
internal import RPC

/// Keeps a service's health true: it takes calls as long as its databases answer.
///
/// A service that has lost its database goes on answering (with `unavailable`) and recovers by itself;
/// its health tells load balancers and supervisors the difference.
@EventLoop
final class HealthReporter {
  private let health: HealthService
  private let databases: @EventLoop () -> [Database]
  private var timer: LoopTimer?
  private var isServing: Bool?

  init(_ health: HealthService, databases: @escaping @EventLoop () -> [Database]) {
    self.health = health
    self.databases = databases
  }

  /// Reports from now on.
  func start() {
    report()
    timer = LoopTimer(every: Service.healthInterval) { [unowned self] in report() }
  }

  /// Reports no more.
  func stop() {
    timer?.cancel()
    timer = nil
  }

  private func report() {
    let isServing = databases().allSatisfy(\.isAvailable)
    guard isServing != self.isServing else { return }
    self.isServing = isServing
    health.setServing(isServing)
  }
}
