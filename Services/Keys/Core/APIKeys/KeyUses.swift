internal import EventLoop
public import Faults
internal import Primitives

/// When API keys were used, to the minute.
///
/// Gathered in memory and written every few seconds, so that a request writes nothing: a key that is in use all the
/// time costs one row a minute. The gateway asks about a key in use twice a second, which is what counts as a use.
@EventLoop
final class KeyUses {
  private static let minuteMilliseconds: Int64 = 60 * 1_000

  private let store: APIKeyStore
  /// The minute whose uses are in `noted`.
  private var minute: Timestamp?
  /// The keys whose use in this minute is known.
  private var noted: Set<UUID> = []
  /// What is to be written: the minute of the last use of each key.
  private var gathered: [Tenant: [UUID: Timestamp]] = [:]

  init(store: APIKeyStore) { self.store = store }

  /// Notes that a key was used.
  func note(_ key: UUID, of tenant: Tenant, at now: Timestamp) {
    let minute = Timestamp(
      milliseconds: now.milliseconds - now.milliseconds % Self.minuteMilliseconds
    )
    if minute != self.minute {
      self.minute = minute
      noted.removeAll(keepingCapacity: true)
    }
    guard noted.insert(key).inserted else { return }
    gathered[tenant, default: [:]][key] = minute
  }

  /// Writes what was gathered; what could not be written is kept for the next time.
  ///
  /// - Throws: ``Fault`` of the database; the last, where several tenants' could not be written.
  func flush() async throws(Fault) {
    let leaving = gathered
    gathered = [:]
    var failure: Fault?
    for (tenant, uses) in leaving {
      do throws(Fault) {
        try await store.note(uses, for: tenant)
      } catch {
        gathered[tenant, default: [:]].merge(uses) { max($0, $1) }
        failure = error
      }
    }
    if let failure { throw failure }
  }
}

extension Keys {
  /// How often uses of API keys are written.
  public nonisolated static let usesInterval = Duration.seconds(5)

  /// Writes which API keys were used; the last time when the service stops.
  ///
  /// - Throws: ``Fault`` of the database; nothing is lost, it is tried again with the next.
  public func flushUses() async throws(Fault) { try await uses.flush() }
}
