internal import EventLoop
public import Faults

/// Asks processes whether they should be given work.
public enum Readiness {
  /// Asks the process that tells of itself at an endpoint; where it has workers it answers for all of them.
  ///
  /// - Parameter endpoint: Where it does; every address of the machine may stand for its own.
  /// - Returns: What is missing, a line for each thing; nil when it is ready.
  /// - Throws: ``Fault`` `unavailable` when nobody answers there.
  @EventLoop
  public static func obstacles(at endpoint: Endpoint) async throws(Fault) -> String? {
    let answer = try await MonitoringQuestion.ask(Listener.address(of: endpoint), "/readyz")
    return answer.status == 200 ? nil : answer.text
  }
}
