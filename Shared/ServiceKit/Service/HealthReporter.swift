internal import EventLoop
internal import Postgres
internal import RPC

/// Keeps a service's health true: it takes calls as long as its databases answer.
///
/// A service that has lost its database goes on answering (with `unavailable`) and recovers by itself;
/// its health tells callers, load balancers and supervisors the difference.
@EventLoop
final class HealthReporter {
  /// For how long a database that was lost may be on its way back before that is told: calls wait for it meanwhile, and
  /// nothing is gained by sending all of them to other replicas, which have likely lost it too.
  private static let patience = Duration.seconds(1)

  private let health: HealthService
  private let databases: @EventLoop () -> [Database]
  private var isServing: Bool?
  private lazy var timer = LoopTimer { [unowned self] in say(false) }

  init(_ health: HealthService, databases: @escaping @EventLoop () -> [Database]) {
    self.health = health
    self.databases = databases
  }

  /// Reports from now on.
  func start() {
    for database in databases() {
      database.onHealthChange = { [unowned self] in report() }
    }
    report()
  }

  /// Reports no more.
  func stop() {
    for database in databases() { database.onHealthChange = nil }
    timer.cancel()
  }

  private func report() {
    let databases = databases()
    if databases.allSatisfy(\.isAvailable) {
      timer.cancel()
      say(true)
    } else if isServing == true, databases.allSatisfy({ $0.isAvailable || $0.isConnecting }) {
      if !timer.isActive { timer.start(after: HealthReporter.patience) }
    } else {
      timer.cancel()
      say(false)
    }
  }

  private func say(_ isServing: Bool) {
    guard isServing != self.isServing else { return }
    self.isServing = isServing
    health.setServing(isServing)
  }
}
