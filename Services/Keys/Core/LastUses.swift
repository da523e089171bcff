internal import EventLoop
internal import Faults
internal import Primitives

/// When credentials were used, to the minute.
///
/// Gathered in memory and written every few seconds, so that a request writes nothing: a credential that is in use all
/// the time costs one row a minute. The gateway asks about one in use twice a second, which is what counts as a use.
@EventLoop
final class LastUses {
  /// How often they are written.
  nonisolated static let flushInterval = Duration.seconds(5)
  private static let minuteMilliseconds: Int64 = 60 * 1_000

  private let write: @EventLoop ([UUID: Timestamp], Tenant) async throws(Fault) -> Void
  /// The minute whose uses are in `noted`.
  private var minute: Timestamp?
  /// The credentials whose use in this minute is known.
  private var noted: Set<UUID> = []
  /// What is to be written: the minute of the last use of each credential.
  private var gathered: [Tenant: [UUID: Timestamp]] = [:]

  /// Makes a gatherer.
  ///
  /// - Parameter write: Writes the minutes of some of a tenant's credentials, where they are later than those written.
  init(write: @escaping @EventLoop ([UUID: Timestamp], Tenant) async throws(Fault) -> Void) {
    self.write = write
  }

  /// Notes that a credential was used.
  func note(_ credential: UUID, of tenant: Tenant, at now: Timestamp) {
    let minute = Timestamp(
      milliseconds: now.milliseconds - now.milliseconds % Self.minuteMilliseconds
    )
    if minute != self.minute {
      self.minute = minute
      noted.removeAll(keepingCapacity: true)
    }
    guard noted.insert(credential).inserted else { return }
    gathered[tenant, default: [:]][credential] = minute
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
        try await write(uses, tenant)
      } catch {
        gathered[tenant, default: [:]].merge(uses) { max($0, $1) }
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
